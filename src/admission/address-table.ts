// Connections and Hello rate of each address; part of admission (stage 1, sequential, in the front end).
//
// Exact while the table has room. An entry is removed only if nothing is lost: no connection, and full buckets. If the
// table is full and no entry can go, further addresses share entries, selected by a keyed hash. Filling the table thus
// frees no address from its limits and takes no more memory. BOUNDED by `entriesMax` and SHARED_ADDRESS_ENTRIES.
import { createHmac, randomBytes } from 'node:crypto';
import { ADDRESSES_MAX, SHARED_ADDRESS_ENTRIES } from '../limits.ts';
import { type BucketRate, TokenBucket } from './token-bucket.ts';

/** Returns true if an entry's buckets in shared memory are full, too. */
export type IsIdle = (entry: number) => boolean;

/** Usage of one address. */
export interface AddressUse {
  connections: number;
  readonly hellos: TokenBucket;
  /** Number of this entry in other threads' tables, from 1 on: own entries first, then shared ones. */
  readonly entry: number;
}

/** Entries examined to make room for a new one. Bounds the cost of a new address while the table is full. */
const EXAMINED_PER_ADDRESS = 16;

export class AddressTable {
  readonly #rate: BucketRate;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, AddressUse>();
  readonly #shared: AddressUse[];
  readonly #hashKey = randomBytes(32);
  readonly #isIdle: IsIdle;
  /** Numbers of removed entries. BOUNDED by `entriesMax`. */
  readonly #free: number[] = [];

  constructor(rate: BucketRate, now: number, isIdle: IsIdle, entriesMax = ADDRESSES_MAX) {
    this.#rate = rate;
    this.#entriesMax = entriesMax;
    this.#isIdle = isIdle;
    const shared = (_: unknown, place: number) => this.#newUse(entriesMax + 1 + place, now);
    this.#shared = Array.from({ length: SHARED_ADDRESS_ENTRIES }, shared);
  }

  /** Number of addresses with an entry of their own. */
  get size(): number {
    return this.#entries.size;
  }

  /** The most connections, and the most recent Hellos, of one entry. */
  mostUsed(now: number): { readonly connectionsOfAddress: number; readonly hellosOfAddress: number } {
    let [connectionsOfAddress, hellosOfAddress] = [0, 0];
    for (const entries of [this.#entries.values(), this.#shared]) {
      for (const { connections, hellos } of entries) {
        connectionsOfAddress = Math.max(connectionsOfAddress, connections);
        hellosOfAddress = Math.max(hellosOfAddress, hellos.used(now));
      }
    }
    return { connectionsOfAddress, hellosOfAddress };
  }

  /** Returns the entry of an address: its own or a shared one. */
  of(holder: string, now: number): AddressUse {
    const known = this.#entries.get(holder);
    if (known) return known;
    if (this.#entries.size >= this.#entriesMax) this.#makeRoom(now);
    if (this.#entries.size >= this.#entriesMax) return this.#shared[this.#sharedIndex(holder)]!;
    const use = this.#newUse(this.#free.pop() ?? this.#entries.size + 1, now);
    this.#entries.set(holder, use);
    return use;
  }

  /** Examines the entries that were examined longest ago. Entries that stay move behind the others. */
  #makeRoom(now: number): void {
    let examined = 0;
    for (const [holder, use] of this.#entries) {
      if (++examined > EXAMINED_PER_ADDRESS) return;
      this.#entries.delete(holder);
      const idle = use.connections === 0 && use.hellos.isFull(now) && this.#isIdle(use.entry);
      if (idle) this.#free.push(use.entry);
      else this.#entries.set(holder, use);
    }
  }

  #sharedIndex(holder: string): number {
    return createHmac('sha256', this.#hashKey).update(holder).digest().readUInt32LE() % this.#shared.length;
  }

  #newUse(entry: number, now: number): AddressUse {
    return { connections: 0, hellos: new TokenBucket(this.#rate, now), entry };
  }
}
