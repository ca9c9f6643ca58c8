// Connections and Hello rate of each address, over all front ends; part of admission (stage 1, sequential in each front
// end). The memory is shared, and limits are exact: each change is one compare-and-exchange.
//
// The table is set-associative. An entry goes to another address only if nothing is lost: no connection, and full
// buckets. If a set is full and no entry can go, further addresses of the set share entries, selected by a keyed hash.
// Filling the table thus frees no address from its limits and takes no more memory.
// docs/explanation/concurrency.md has the memory-order argument.
import type { AddressMemory } from './address-memory.ts';
import { type AddressKey, CHANGING, EMPTY, keyOf, UNUSED } from './address-memory.ts';
import { type BucketRate, SharedBuckets } from './shared-buckets.ts';

/** Returns true if an entry's other buckets in shared memory are full, too. `now` is in seconds. */
export type IsIdle = (entry: number, now: number) => boolean;

/**
 * Looks for an address while another front end gives an entry of its set away, which takes it less than a microsecond.
 * An address whose set stays locked, because the other thread is stopped, gets a shared entry.
 */
const LOOKS_MAX = 1_000;

export class AddressTable {
  readonly #memory: AddressMemory;
  /** The value that this front end writes to a lock. */
  readonly #locker: number;
  readonly #hellos: SharedBuckets;
  readonly #isIdle: IsIdle;

  constructor(memory: AddressMemory, front: number, rate: BucketRate, isIdle: IsIdle) {
    this.#memory = memory;
    this.#locker = 1 + front;
    this.#hellos = new SharedBuckets(memory.hellos, rate);
    this.#isIdle = isIdle;
  }

  /** Replaces the rate of Hellos in this view. */
  setRate(rate: BucketRate): void {
    this.#hellos.setRate(rate);
  }

  /** Number of addresses with an entry of their own. */
  get size(): number {
    return this.#memory.size;
  }

  /** The most connections, and the most recent Hellos, of one entry. Looks at each entry. */
  mostUsed(now: number): { readonly connectionsOfAddress: number; readonly hellosOfAddress: number } {
    const { states, entries } = this.#memory;
    let [connectionsOfAddress, hellosOfAddress] = [0, 0];
    for (let entry = 1; entry <= entries; entry++) {
      const state = Atomics.load(states, entry);
      if (state < UNUSED) continue;
      connectionsOfAddress = Math.max(connectionsOfAddress, state - UNUSED);
      hellosOfAddress = Math.max(hellosOfAddress, this.#hellos.used(entry, now));
    }
    return { connectionsOfAddress, hellosOfAddress };
  }

  /**
   * Counts a connection of an address, if it has fewer than `most`. Returns the entry that it counts in: the address's
   * own or a shared one; undefined if the address has `most`. leave() must follow. `clock` is read for a new address.
   */
  enter(holder: string, most: number, clock: () => number): number | undefined {
    const key = keyOf(holder);
    const set = this.#memory.setOf(key);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const entry = this.#find(set, key) ?? this.#add(set, key, clock);
      if (entry === 'locked') continue;
      if (entry === undefined) break;
      const counted = this.#count(entry, most);
      if (counted === 'full') return undefined;
      if (counted === 'changing') continue;
      // The entry may have gone to another address between #find and #count; from #count on it cannot.
      if (this.#memory.hasKey(entry, key)) return entry;
      this.leave(entry);
    }
    const shared = this.#memory.sharedEntryOf(key);
    return this.#count(shared, most) === 'counted' ? shared : undefined;
  }

  /** Ends the count of a connection. */
  leave(entry: number): void {
    Atomics.sub(this.#memory.states, entry, 1);
  }

  /** Charges a Hello to an entry with a connection; false if its bucket has less. */
  takeHello(entry: number, now: number, cost: number): boolean {
    return this.#hellos.take(entry, now, cost);
  }

  giveBackHello(entry: number, cost: number): void {
    this.#hellos.giveBack(entry, cost);
  }

  #find(set: number, key: AddressKey): number | undefined {
    const { states, ways } = this.#memory;
    for (let entry = 1 + set * ways; entry <= (set + 1) * ways; entry++) {
      if (this.#memory.hasKey(entry, key) && Atomics.load(states, entry) >= UNUSED) return entry;
    }
    return undefined;
  }

  /** Counts a connection in an entry, if it has fewer than `most`. */
  #count(entry: number, most: number): 'counted' | 'full' | 'changing' {
    const { states } = this.#memory;
    for (;;) {
      const state = Atomics.load(states, entry);
      if (state < UNUSED) return 'changing';
      if (state - UNUSED >= most) return 'full';
      if (Atomics.compareExchange(states, entry, state, state + 1) === state) return 'counted';
    }
  }

  /** Gives an entry of the set to an address that has none. Undefined if none can go. */
  #add(set: number, key: AddressKey, clock: () => number): number | 'locked' | undefined {
    const { locks } = this.#memory;
    if (Atomics.compareExchange(locks, set, 0, this.#locker) !== 0) return 'locked';
    // Another front end may have added the address before this one had the lock.
    const entry = this.#find(set, key) ?? this.#give(set, key, clock());
    Atomics.store(locks, set, 0);
    return entry;
  }

  #give(set: number, key: AddressKey, now: number): number | undefined {
    const { states, ways } = this.#memory;
    const [first, last] = [1 + set * ways, (set + 1) * ways];
    for (const wanted of [EMPTY, UNUSED]) {
      for (let entry = first; entry <= last; entry++) {
        if (Atomics.load(states, entry) !== wanted) continue;
        if (wanted === UNUSED && !this.#isFull(entry, now)) continue;
        if (Atomics.compareExchange(states, entry, wanted, CHANGING) !== wanted) continue;
        if (wanted === EMPTY) this.#memory.resize(1);
        // A connection may have come, taken a Hello and gone before the exchange.
        const isIdle = wanted === EMPTY || this.#isFull(entry, now);
        if (isIdle) this.#memory.setKey(entry, key);
        Atomics.store(states, entry, UNUSED);
        if (isIdle) return entry;
      }
    }
    return undefined;
  }

  #isFull(entry: number, now: number): boolean {
    return this.#hellos.isFull(entry, now) && this.#isIdle(entry, now);
  }
}
