// Back-pressure between two threads: a counting semaphore over the pieces that are sent and not yet taken.
// docs/explanation/concurrency.md has the memory-order argument.

const WORD_BYTES = 4;
const [AHEAD, STOPPED, WORDS] = [0, 1, 2];

/** For one sender and one taker. The sender may block, the taker never does. */
export class ReadAheadWindow {
  static readonly BYTES = WORDS * WORD_BYTES;
  readonly #words: Int32Array;
  readonly #max: number;

  /** At most `max` pieces are sent and not taken. */
  constructor(memory: SharedArrayBuffer, max: number) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#max = max;
  }

  /**
   * Counts a piece as sent, and blocks while the window is full. Returns false after `stop`. A late wake-up may find
   * the window full again, so the loop tests the count after each wake-up.
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

  /** Stops the sender at its next piece. AHEAD changes last, so a sender that is about to sleep stays awake. */
  stop(): void {
    Atomics.store(this.#words, STOPPED, 1);
    Atomics.store(this.#words, AHEAD, 0);
    Atomics.notify(this.#words, AHEAD);
  }
}
