// Rate limits for additions to the table: one token bucket for each address entry and each kind of addition, in memory
// that all threads share (shared-buckets.ts).
import { ADDRESSES_MAX, GROWTH_BURST_SECONDS_PER_ADDRESS, SHARED_ADDRESS_ENTRIES } from '../limits.ts';
import { type BucketRate, isFull, SharedBuckets } from './shared-buckets.ts';

/** Kinds of additions to the table. */
const ADDITIONS = ['registration', 'cluster', 'member'] as const;
export type Addition = (typeof ADDITIONS)[number];

/** Additions a second for one address, by kind. The burst is GROWTH_BURST_SECONDS_PER_ADDRESS seconds' worth. */
export type GrowthRates = Readonly<Record<Addition, number>>;

/** Entry of all addresses without limits per address. */
export const EXEMPT = 0;

/** Entry 0 is EXEMPT. */
const ENTRIES = 1 + ADDRESSES_MAX + SHARED_ADDRESS_ENTRIES;

/** Allocates the buckets of all entries, 3.2 MB. The OS commits only pages that are touched. */
export function newGrowthMemory(entries = ENTRIES): SharedArrayBuffer {
  return new SharedArrayBuffer(entries * ADDITIONS.length * BigInt64Array.BYTES_PER_ELEMENT);
}

/** One thread's view of the buckets. `now` is always in seconds, on a clock that all threads share. */
export class GrowthBudgets {
  readonly #buckets: Readonly<Record<Addition, SharedBuckets>>;

  constructor(memory: SharedArrayBuffer, rates: GrowthRates) {
    const words = new BigInt64Array(memory);
    const buckets = (kind: Addition) => new SharedBuckets(words, bucketRate(rates[kind]));
    this.#buckets = {
      registration: buckets('registration'),
      cluster: buckets('cluster'),
      member: buckets('member'),
    };
  }

  /** Replaces the rates of this view. Debts are kept. */
  setRates(rates: GrowthRates): void {
    for (const kind of ADDITIONS) this.#buckets[kind].setRate(bucketRate(rates[kind]));
  }

  /** Takes a token; false if the bucket is empty. */
  take(entry: number, kind: Addition, now: number): boolean {
    return entry === EXEMPT || this.#buckets[kind].take(wordOf(entry, kind), now);
  }

  /** Returns an unused token. */
  giveBack(entry: number, kind: Addition): void {
    if (entry !== EXEMPT) this.#buckets[kind].giveBack(wordOf(entry, kind));
  }
}

/** Returns whether all buckets of an entry are full. Such an entry can be given to another address without loss. */
export type IsGrowthFull = (entry: number, now: number) => boolean;

/** The look at the buckets of a thread that takes from none. It needs no rates. */
export function growthLook(memory: SharedArrayBuffer): IsGrowthFull {
  const words = new BigInt64Array(memory);
  return (entry, now) => ADDITIONS.every((kind) => isFull(words, wordOf(entry, kind), now));
}

function bucketRate(perSecond: number): BucketRate {
  return { perSecond, burst: Math.max(1, Math.floor(perSecond * GROWTH_BURST_SECONDS_PER_ADDRESS)) };
}

function wordOf(entry: number, kind: Addition): number {
  return entry * ADDITIONS.length + ADDITIONS.indexOf(kind);
}
