// How one thread tells another that there is something for it: a counter in shared memory. The listener reads it, looks
// for work, and sleeps only if it has not moved since; so no ring is ever missed, and ringing who is awake costs nothing.

/** What a thread sleeps on. One listener, any number of ringers. */
export class Bell {
  readonly #rings: Int32Array;

  /** On the first 4 bytes of this memory behind `at`, which all its users share. */
  constructor(memory: SharedArrayBuffer, at = 0) {
    this.#rings = new Int32Array(memory, at, 1);
  }

  /** To be read before looking for work. */
  get rings(): number {
    return Atomics.load(this.#rings, 0);
  }

  ring(): void {
    Atomics.add(this.#rings, 0, 1);
    Atomics.notify(this.#rings, 0);
  }

  /** Blocks the thread until it has rung since `rings` was read, or for so many milliseconds. */
  wait(rings: number, milliseconds: number): void {
    Atomics.wait(this.#rings, 0, rings, milliseconds);
  }

  /** Resolves, in a later turn of the event loop, when it has rung since `rings` was read. Keeps no process alive. */
  async heard(rings: number): Promise<void> {
    const heard = waitAsync(this.#rings, 0, rings);
    if (heard.async) await heard.value;
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
