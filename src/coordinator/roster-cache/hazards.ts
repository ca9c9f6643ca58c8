// Hazard words of the roster cache: each worker publishes the number of the page that it reads, so that the coordinator never
// rewrites that page. docs/explanation/concurrency.md has the memory-order argument.
import { WORKERS_MAX } from '../../limits.ts';

const WORD_BYTES = 4;
/** A hazard word has a cache line of its own: its worker writes it twice for each question. */
const HAZARD_BYTES = 64;
/** In front of them, on a line that is only written when a worker starts: how many words there are. */
export const HAZARDS_BYTES = (1 + WORKERS_MAX) * HAZARD_BYTES;
const HAZARD_COUNT = 0;

/** A hazard word for each worker: the page that it reads. */
export class Hazards {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, memory.byteLength - HAZARDS_BYTES);
  }

  /** Makes `has` look at the word of a reader from now on. To be called before its first set(). */
  admit(reader: number): void {
    const words = this.#words;
    for (let count = Atomics.load(words, HAZARD_COUNT); count <= reader; count = Atomics.load(words, HAZARD_COUNT)) {
      Atomics.compareExchange(words, HAZARD_COUNT, count, reader + 1);
    }
  }

  /** Published before the reader looks whether the page is shown. */
  set(reader: number, page: number): void {
    Atomics.store(this.#words, wordOfReader(reader), page + 1);
  }

  clear(reader: number): void {
    Atomics.store(this.#words, wordOfReader(reader), 0);
  }

  /** Whether a worker reads the page, or is about to look whether it is shown. */
  has(page: number): boolean {
    const count = Atomics.load(this.#words, HAZARD_COUNT);
    for (let reader = 0; reader < count; reader++) {
      if (Atomics.load(this.#words, wordOfReader(reader)) === page + 1) return true;
    }
    return false;
  }
}

function wordOfReader(reader: number): number {
  return ((1 + reader) * HAZARD_BYTES) / WORD_BYTES;
}

/** Ends what a worker was reading. To be called when its thread is dead, before another has its number. */
export function releaseReader(memory: SharedArrayBuffer, reader: number): void {
  new Hazards(memory).clear(reader);
}
