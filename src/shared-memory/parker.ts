// Park and unpark between threads: a counter in shared memory. A thread reads the epoch, looks for work, and parks only if
// the epoch is still the same, so no unpark is lost. To unpark a thread that is awake costs one atomic add.

/** What one thread parks on. Any number of threads unpark it. */
export class Parker {
  readonly #epochWord: Int32Array;

  /** On the first 4 bytes of `memory` behind `at`, which all threads share. */
  constructor(memory: SharedArrayBuffer, at = 0) {
    this.#epochWord = new Int32Array(memory, at, 1);
  }

  /** To be read before looking for work. */
  get epoch(): number {
    return Atomics.load(this.#epochWord, 0);
  }

  unpark(): void {
    Atomics.add(this.#epochWord, 0, 1);
    Atomics.notify(this.#epochWord, 0);
  }

  /** Blocks the thread until it is unparked, at once if that happened since `epoch` was read, or for so many milliseconds. */
  park(epoch: number, milliseconds: number): void {
    Atomics.wait(this.#epochWord, 0, epoch, milliseconds);
  }

  /** The same for a thread with an event loop: resolves in a later turn of it. Keeps no process alive. */
  async parkAsync(epoch: number): Promise<void> {
    const unparked = waitAsync(this.#epochWord, 0, epoch);
    if (unparked.async) await unparked.value;
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Of ES2024, which every Node this runs on has. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(
    array: Int32Array,
    index: number,
    value: number,
  ): { readonly async: true; readonly value: Promise<string> } | { readonly async: false; readonly value: string };
};
