// Numbers in order, from 1 on, that several threads draw. Each is drawn once.

/** Memory of one sequence. */
export function newSequence(): SharedArrayBuffer {
  return new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
}

export class SharedSequence {
  readonly #drawn: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#drawn = new BigInt64Array(memory);
  }

  next(): number {
    return Number(Atomics.add(this.#drawn, 0, 1n)) + 1;
  }
}
