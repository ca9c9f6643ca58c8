// Slot numbers on their way from one thread to another, in order: one writer, one reader, no locks. Whoever takes a number
// sees all that was written to the slot before it was put.

const WORD_BYTES = 4;
/** The ends are written by different threads: apart, so that they do not fight for one cache line. */
const CACHE_LINE_BYTES = 64;
const [TAKEN, PUT, FIRST] = [0, CACHE_LINE_BYTES / WORD_BYTES, (2 * CACHE_LINE_BYTES) / WORD_BYTES];

/** A queue that has room for every slot there is. */
export class SpscQueue {
  readonly #words: Int32Array;
  readonly #mask: number;

  /** `slots` is a power of two. */
  constructor(memory: SharedArrayBuffer, at: number, slots: number) {
    this.#words = new Int32Array(memory, at, FIRST + slots);
    this.#mask = slots - 1;
  }

  /** Bytes of memory that a queue takes. */
  static bytes(slots: number): number {
    return 2 * CACHE_LINE_BYTES + Math.ceil((slots * WORD_BYTES) / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
  }

  get length(): number {
    return (Atomics.load(this.#words, PUT) - Atomics.load(this.#words, TAKEN)) | 0;
  }

  push(slot: number): void {
    const put = this.#words[PUT]!;
    this.#words[FIRST + (put & this.#mask)] = slot;
    Atomics.store(this.#words, PUT, (put + 1) | 0);
  }

  /** The next number; undefined if there is none. */
  pop(): number | undefined {
    const taken = this.#words[TAKEN]!;
    if (Atomics.load(this.#words, PUT) === taken) return undefined;
    const slot = this.#words[FIRST + (taken & this.#mask)]!;
    Atomics.store(this.#words, TAKEN, (taken + 1) | 0);
    return slot;
  }
}
