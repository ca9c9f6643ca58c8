// What each address has of the registry: its connections and its Hellos. Exact for as many addresses as the table has room
// for. An entry goes only when nothing is lost with it: no connection, and buckets that are full again. While none can
// go, addresses that are not in the table share entries, chosen by a keyed hash: whoever fills the table frees nobody,
// himself included, and takes no more memory.
import { createHmac, randomBytes } from 'node:crypto';
import { ADDRESSES_MAX, SHARED_ADDRESS_ENTRIES } from '../limits.ts';
import { type BucketRate, TokenBucket } from './token-bucket.ts';

/** Whether the buckets that other threads take from are full, too, of an entry. */
export type IsIdle = (entry: number) => boolean;

/** What one address has. */
export interface AddressUse {
  connections: number;
  readonly hellos: TokenBucket;
  /** The number of this entry in the tables of other threads, from 1 on: own entries first, then shared ones. */
  readonly entry: number;
}

/** Entries looked at to make room for a new one: bounds what a new address costs while the table is full. */
const LOOKED_AT_PER_ADDRESS = 16;

export class AddressTable {
  readonly #rate: BucketRate;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, AddressUse>();
  readonly #shared: AddressUse[];
  readonly #hashKey = randomBytes(32);
  readonly #isIdle: IsIdle;
  /** Numbers of entries that have gone; at most as many as there may be entries. */
  readonly #free: number[] = [];

  constructor(rate: BucketRate, now: number, isIdle: IsIdle, entriesMax = ADDRESSES_MAX) {
    this.#rate = rate;
    this.#entriesMax = entriesMax;
    this.#isIdle = isIdle;
    const shared = (_: unknown, place: number) => this.#newUse(entriesMax + 1 + place, now);
    this.#shared = Array.from({ length: SHARED_ADDRESS_ENTRIES }, shared);
  }

  /** Addresses with an entry of their own. */
  get size(): number {
    return this.#entries.size;
  }

  /** The entry of an address: its own, or one that it shares. */
  of(holder: string, now: number): AddressUse {
    const known = this.#entries.get(holder);
    if (known) return known;
    if (this.#entries.size >= this.#entriesMax) this.#makeRoom(now);
    if (this.#entries.size >= this.#entriesMax) return this.#shared[this.#place(holder)]!;
    const use = this.#newUse(this.#free.pop() ?? this.#entries.size + 1, now);
    this.#entries.set(holder, use);
    return use;
  }

  /** Looks at the entries that have not been looked at for longest; those that stay go behind the others. */
  #makeRoom(now: number): void {
    let looked = 0;
    for (const [holder, use] of this.#entries) {
      if (++looked > LOOKED_AT_PER_ADDRESS) return;
      this.#entries.delete(holder);
      const idle = use.connections === 0 && use.hellos.isFull(now) && this.#isIdle(use.entry);
      if (idle) this.#free.push(use.entry);
      else this.#entries.set(holder, use);
    }
  }

  #place(holder: string): number {
    return createHmac('sha256', this.#hashKey).update(holder).digest().readUInt32LE() % this.#shared.length;
  }

  #newUse(entry: number, now: number): AddressUse {
    return { connections: 0, hellos: new TokenBucket(this.#rate, now), entry };
  }
}
