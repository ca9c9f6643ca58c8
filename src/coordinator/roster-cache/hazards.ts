// Hazard words of the roster cache: each worker publishes the number of the page that it reads, and the coordinator
// never rewrites that page. This is a Dekker pattern: the reader sets its word, then loads the page's flag; the writer
// clears the flag, then loads the words. Both need sequential consistency. docs/explanation/concurrency.md has the
// whole argument.
import { WORKERS_MAX } from '../../limits.ts';

const WORD_BYTES = 4;
/** Each hazard word has a cache line of its own, because its worker writes it twice for each command. */
const HAZARD_BYTES = 64;
/** The count of words comes first, on its own cache line, which is written only when a worker starts. */
export const HAZARDS_BYTES = (1 + WORKERS_MAX) * HAZARD_BYTES;
const HAZARD_COUNT = 0;

/** A word for each worker: 0, or the number of the page that it reads plus 1. */
export class Hazards {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, memory.byteLength - HAZARDS_BYTES);
  }

  /** Makes `has` check this reader's word from now on. Call it before the reader's first set(). */
  admit(reader: number): void {
    const words = this.#words;
    for (let count = Atomics.load(words, HAZARD_COUNT); count <= reader; count = Atomics.load(words, HAZARD_COUNT)) {
      Atomics.compareExchange(words, HAZARD_COUNT, count, reader + 1);
    }
  }

  /** Call it before the reader tests `isPublished`. */
  set(reader: number, page: number): void {
    Atomics.store(this.#words, wordOfReader(reader), page + 1);
  }

  clear(reader: number): void {
    Atomics.store(this.#words, wordOfReader(reader), 0);
  }

  /** True if a worker reads the page, or is about to test whether it is published. */
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

/** Clears the word of a dead worker. Call it before another thread gets its number. */
export function releaseReader(memory: SharedArrayBuffer, reader: number): void {
  new Hazards(memory).clear(reader);
}
