// A lock-free ring buffer of slot numbers for a single producer and a single consumer. A pop sees everything that was
// written to the slot before the push. docs/explanation/concurrency.md has the memory-order argument.

const WORD_BYTES = 4;
/** The two counts have separate cache lines, since different threads write them. */
const CACHE_LINE_BYTES = 64;
const [TAKEN, PUT, FIRST] = [0, CACHE_LINE_BYTES / WORD_BYTES, (2 * CACHE_LINE_BYTES) / WORD_BYTES];

/** Has room for every slot of a channel, and a slot's number is in one queue at most. So `push` never finds it full. */
export class SpscQueue {
  readonly #words: Int32Array;
  readonly #mask: number;

  /** Uses `SpscQueue.bytes(slots)` bytes of `memory` at `at`. `slots` must be a power of two. */
  constructor(memory: SharedArrayBuffer, at: number, slots: number) {
    this.#words = new Int32Array(memory, at, FIRST + slots);
    this.#mask = slots - 1;
  }

  /** Bytes of a queue for `slots` slots. */
  static bytes(slots: number): number {
    return 2 * CACHE_LINE_BYTES + Math.ceil((slots * WORD_BYTES) / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
  }

  /** Exact for producer and consumer. Another thread may see a value below 0, which means 0. */
  get length(): number {
    return (Atomics.load(this.#words, PUT) - Atomics.load(this.#words, TAKEN)) | 0;
  }

  push(slot: number): void {
    const put = this.#words[PUT]!;
    this.#words[FIRST + (put & this.#mask)] = slot;
    Atomics.store(this.#words, PUT, (put + 1) | 0);
  }

  /** Removes the oldest number; undefined if the queue is empty. */
  pop(): number | undefined {
    const taken = this.#words[TAKEN]!;
    if (Atomics.load(this.#words, PUT) === taken) return undefined;
    const slot = this.#words[FIRST + (taken & this.#mask)]!;
    Atomics.store(this.#words, TAKEN, (taken + 1) | 0);
    return slot;
  }
}
