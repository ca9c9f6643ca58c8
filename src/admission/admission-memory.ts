// The memory of admission, which all front ends share: counts in all, the table of addresses, and the permits of each
// front end. docs/explanation/concurrency.md has the memory-order argument.
import { AddressMemory, newAddressMemory } from './address-memory.ts';
import { newPermitMemory, PermitTable } from './permit-table.ts';

export interface AdmissionMemory {
  readonly totals: SharedArrayBuffer;
  readonly addresses: SharedArrayBuffer;
  /** By front end. */
  readonly permits: readonly SharedArrayBuffer[];
}

/** Words of Totals, each on a cache line of its own. */
const [CONNECTIONS, STAMP] = [0, 16];
/** The word of the bucket of Hellos. */
export const ALL_HELLOS = 16;
const TOTALS_BYTES = 192;

/** Permits beyond the connections: displaced ones, whose front end has not closed them yet. */
const DISPLACED_MAX = 1_024;

/** Allocates the memory for `fronts` front ends with `connectionsMax` connections in all. The OS commits used pages. */
export function newAdmissionMemory(fronts: number, connectionsMax: number): AdmissionMemory {
  return {
    totals: new SharedArrayBuffer(TOTALS_BYTES),
    addresses: newAddressMemory(),
    permits: Array.from({ length: fronts }, () => newPermitMemory(connectionsMax + DISPLACED_MAX)),
  };
}

/** A thread's view of the counts in all. */
export class Totals {
  readonly #words: Int32Array;
  /** The bucket of Hellos is at ALL_HELLOS. */
  readonly hellos: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.hellos = new BigInt64Array(memory);
  }

  get connections(): number {
    return Atomics.load(this.#words, CONNECTIONS);
  }

  /** Counts a connection if there are fewer than `most`. */
  take(most: number): boolean {
    for (;;) {
      const count = this.connections;
      if (count >= most) return false;
      if (Atomics.compareExchange(this.#words, CONNECTIONS, count, count + 1) === count) return true;
    }
  }

  /** Changes the count without a limit. */
  add(change: number): void {
    Atomics.add(this.#words, CONNECTIONS, change);
  }

  /** The next place in the order of arrival; wraps at 2^32. */
  nextStamp(): number {
    return Atomics.add(this.#words, STAMP, 1);
  }
}

/** Gives back and unlocks what a dead front end held. Its thread must run no more code. Returns its connections. */
export function reclaimFront(memory: AdmissionMemory, front: number): number {
  const totals = new Totals(memory.totals);
  const addresses = new AddressMemory(memory.addresses);
  addresses.recover(front);
  const held = new PermitTable(memory.permits[front]!).reclaim();
  for (const { place, entry } of held) {
    if (place) totals.add(-1);
    if (entry !== 0) Atomics.sub(addresses.states, entry, 1);
  }
  return held.length;
}
