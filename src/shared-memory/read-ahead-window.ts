// Back-pressure between two threads: a counting semaphore over the pieces that one has sent and the other has not taken.
// docs/CONCURRENCY.md has the memory-order argument.

const WORD_BYTES = 4;
const [AHEAD, STOPPED, WORDS] = [0, 1, 2];

/** One sender, one taker. The sender may block; the taker never does. */
export class ReadAheadWindow {
  static readonly BYTES = WORDS * WORD_BYTES;
  readonly #words: Int32Array;
  readonly #max: number;

  /** `max` is the number of pieces that may be under way. */
  constructor(memory: SharedArrayBuffer, max: number) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#max = max;
  }

  /**
   * Counts a piece as sent, and blocks while `max` are under way. Returns false when the taker wants no more. A wake-up may
   * be late, when the window is full again, so the count decides and not the wake-up.
   */
  sent(): boolean {
    for (let ahead = Atomics.add(this.#words, AHEAD, 1) + 1; ahead >= this.#max; ) {
      Atomics.wait(this.#words, AHEAD, ahead);
      ahead = Atomics.load(this.#words, AHEAD);
    }
    return Atomics.load(this.#words, STOPPED) === 0;
  }

  /** Counts a piece as taken. */
  taken(): void {
    Atomics.sub(this.#words, AHEAD, 1);
    Atomics.notify(this.#words, AHEAD);
  }

  /** Ends the sender at its next piece. Emptying the window last makes a sender that is about to sleep stay awake. */
  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
    Atomics.store(this.#words, AHEAD, 0);
    Atomics.notify(this.#words, AHEAD);
  }
}
