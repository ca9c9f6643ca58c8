// Rate limits for additions to the table: one token bucket for each address entry and each kind of addition. The
// buckets are in memory that all threads share, and any thread may take from them.
//
// A bucket is one atomic word: the time in microseconds at which it is full again (GCRA). Taking a token is one
// compare-and-swap, and nothing needs refilling. Each bucket is independent, so no order between words matters.
// Invariant: a word in the past is a full bucket, so zeroed memory is a table of full buckets.
import { ADDRESSES_MAX, GROWTH_BURST_SECONDS_PER_ADDRESS, SHARED_ADDRESS_ENTRIES } from '../limits.ts';

/** Kinds of additions to the table. */
const ADDITIONS = ['registration', 'cluster', 'member'] as const;
export type Addition = (typeof ADDITIONS)[number];

/** Additions a second for one address, by kind. The burst is GROWTH_BURST_SECONDS_PER_ADDRESS seconds' worth. */
export type GrowthRates = Readonly<Record<Addition, number>>;

/** Entry of all addresses without limits per address. */
export const EXEMPT = 0;

/** Entry 0 is EXEMPT. */
const ENTRIES = 1 + ADDRESSES_MAX + SHARED_ADDRESS_ENTRIES;

/** Allocates the buckets of all entries, 1.6 MB. The OS commits only pages that are touched. */
export function newGrowthMemory(entries = ENTRIES): SharedArrayBuffer {
  return new SharedArrayBuffer(entries * ADDITIONS.length * BigInt64Array.BYTES_PER_ELEMENT);
}

/** One thread's view of the buckets. `now` is always in seconds, on a clock that all threads share. */
export class GrowthBudgets {
  readonly #fullAt: BigInt64Array;
  /** Microseconds for one token, by kind. */
  #interval!: Readonly<Record<Addition, bigint>>;
  /** Microseconds to fill an empty bucket, by kind. */
  #depth!: Readonly<Record<Addition, bigint>>;

  constructor(memory: SharedArrayBuffer, rates: GrowthRates) {
    this.#fullAt = new BigInt64Array(memory);
    this.setRates(rates);
  }

  /** Replaces the rates of this thread's view. A bucket keeps the time at which it is full. */
  setRates(rates: GrowthRates): void {
    const interval = (kind: Addition) => BigInt(Math.round(1e6 / rates[kind]));
    const depth = (kind: Addition) => interval(kind) * BigInt(Math.max(1, burstOf(rates[kind])));
    this.#interval = {
      registration: interval('registration'),
      cluster: interval('cluster'),
      member: interval('member'),
    };
    this.#depth = { registration: depth('registration'), cluster: depth('cluster'), member: depth('member') };
  }

  /** Takes a token; false if the bucket is empty. */
  take(entry: number, kind: Addition, now: number): boolean {
    if (entry === EXEMPT) return true;
    const at = wordOf(entry, kind);
    const time = microseconds(now);
    for (;;) {
      const fullAt = Atomics.load(this.#fullAt, at);
      const next = (fullAt > time ? fullAt : time) + this.#interval[kind];
      if (next - time > this.#depth[kind]) return false;
      if (Atomics.compareExchange(this.#fullAt, at, fullAt, next) === fullAt) return true;
    }
  }

  /** Returns an unused token. The bucket never exceeds its burst, because a time in the past counts as full. */
  giveBack(entry: number, kind: Addition): void {
    if (entry !== EXEMPT) Atomics.sub(this.#fullAt, wordOf(entry, kind), this.#interval[kind]);
  }

  /** True if all buckets of an entry are full. Such an entry can be given to another address without loss. */
  isFull(entry: number, now: number): boolean {
    const time = microseconds(now);
    return ADDITIONS.every((kind) => Atomics.load(this.#fullAt, wordOf(entry, kind)) <= time);
  }
}

function burstOf(perSecond: number): number {
  return Math.floor(perSecond * GROWTH_BURST_SECONDS_PER_ADDRESS);
}

function wordOf(entry: number, kind: Addition): number {
  return entry * ADDITIONS.length + ADDITIONS.indexOf(kind);
}

function microseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e6));
}
