// What one thread tells another that looks for it at every turn of its own: a word in shared memory, up or down.

/** Raised by any thread, taken down by the one it is meant for. */
export class AtomicFlag {
  readonly #word: Int32Array;

  /** On the first 4 bytes of this memory, which all its users share. */
  constructor(memory: SharedArrayBuffer) {
    this.#word = new Int32Array(memory, 0, 1);
  }

  set(): void {
    Atomics.store(this.#word, 0, 1);
  }

  /** Whether it has been raised since this was asked last. */
  testAndClear(): boolean {
    return Atomics.exchange(this.#word, 0, 0) === 1;
  }
}
