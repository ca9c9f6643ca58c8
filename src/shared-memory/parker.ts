// Park and unpark between threads by an event count in shared memory. A thread reads the epoch, looks for work, and
// parks only if the epoch is unchanged, so no unpark is lost. To unpark an awake thread costs one atomic add.
// docs/explanation/concurrency.md has the memory-order argument.

/** One thread parks on it. Any thread unparks it. */
export class Parker {
  readonly #epochWord: Int32Array;

  /** Uses 4 bytes of `memory` at `at`. */
  constructor(memory: SharedArrayBuffer, at = 0) {
    this.#epochWord = new Int32Array(memory, at, 1);
  }

  /** The event count. A thread must read it before it looks for work. */
  get epoch(): number {
    return Atomics.load(this.#epochWord, 0);
  }

  /** Call it after the work is published. */
  unpark(): void {
    Atomics.add(this.#epochWord, 0, 1);
    Atomics.notify(this.#epochWord, 0);
  }

  /** Blocks until an unpark, for at most `milliseconds`. Returns at once if one came after `epoch` was read. */
  park(epoch: number, milliseconds: number): void {
    Atomics.wait(this.#epochWord, 0, epoch, milliseconds);
  }

  /** The same for a thread with an event loop. Resolves in a later turn, and keeps no process alive. */
  async parkAsync(epoch: number): Promise<void> {
    const unparked = waitAsync(this.#epochWord, 0, epoch);
    if (unparked.async) await unparked.value;
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

/** From ES2024, which every supported Node has and the TypeScript target lacks. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(
    array: Int32Array,
    index: number,
    value: number,
  ): { readonly async: true; readonly value: Promise<string> } | { readonly async: false; readonly value: string };
};
