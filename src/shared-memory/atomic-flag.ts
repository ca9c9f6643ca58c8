// A flag in shared memory that a thread polls in its loop. docs/explanation/concurrency.md has the memory-order
// argument.

/** Set by any thread; tested and cleared by one. */
export class AtomicFlag {
  readonly #word: Int32Array;

  /** Uses the first 4 bytes of `memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory, 0, 1);
  }

  set(): void {
    Atomics.store(this.#word, 0, 1);
  }

  /** Returns whether the flag was set since the last call. One exchange, so a concurrent `set` is never lost. */
  testAndClear(): boolean {
    return Atomics.exchange(this.#word, 0, 0) === 1;
  }
}
