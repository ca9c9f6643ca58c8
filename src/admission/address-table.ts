// What each address has of the registry: its connections and its Hellos. Exact for as many addresses as the table has room
// for. An entry goes only when nothing is lost with it: no connection, and a bucket that is full again. While none can
// go, addresses that are not in the table share entries, chosen by a keyed hash: whoever fills the table frees nobody,
// himself included, and takes no more memory.
import { createHmac, randomBytes } from 'node:crypto';
import { ADDRESSES_MAX, SHARED_ADDRESS_ENTRIES } from '../limits.ts';
import { type BucketRate, TokenBucket } from './token-bucket.ts';

/** What one address has. */
export interface AddressUse {
  connections: number;
  readonly hellos: TokenBucket;
}

/** Entries looked at to make room for a new one: bounds what a new address costs while the table is full. */
const LOOKED_AT_PER_ADDRESS = 16;

export class AddressTable {
  readonly #rate: BucketRate;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, AddressUse>();
  readonly #shared: AddressUse[];
  readonly #hashKey = randomBytes(32);

  constructor(rate: BucketRate, now: number, entriesMax = ADDRESSES_MAX) {
    this.#rate = rate;
    this.#entriesMax = entriesMax;
    this.#shared = Array.from({ length: SHARED_ADDRESS_ENTRIES }, () => this.#newUse(now));
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
    const use = this.#newUse(now);
    this.#entries.set(holder, use);
    return use;
  }

  /** Looks at the entries that have not been looked at for longest; those that stay go behind the others. */
  #makeRoom(now: number): void {
    let looked = 0;
    for (const [holder, use] of this.#entries) {
      if (++looked > LOOKED_AT_PER_ADDRESS) return;
      this.#entries.delete(holder);
      if (use.connections > 0 || !use.hellos.isFull(now)) this.#entries.set(holder, use);
    }
  }

  #place(holder: string): number {
    return createHmac('sha256', this.#hashKey).update(holder).digest().readUInt32LE() % this.#shared.length;
  }

  #newUse(now: number): AddressUse {
    return { connections: 0, hellos: new TokenBucket(this.#rate, now) };
  }
}
