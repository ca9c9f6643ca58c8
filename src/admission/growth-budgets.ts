// How much each address may add to the table: a token bucket for each of its entries and each kind of addition, in memory
// that all threads share. Any thread may take. A bucket is one atomic word, the time in microseconds at which it is full
// again (GCRA), so that taking is one compare-and-swap and nothing has to be refilled. Invariant: a word in the past is a full
// bucket, so memory of zeros is a table of full buckets.
import { ADDRESSES_MAX, GROWTH_BURST_SECONDS_PER_ADDRESS, SHARED_ADDRESS_ENTRIES } from '../limits.ts';

/** What an address can add to the table. */
const ADDITIONS = ['registration', 'cluster', 'member'] as const;
export type Addition = (typeof ADDITIONS)[number];

/** Additions a second that an address may make, by kind; GROWTH_BURST_SECONDS_PER_ADDRESS seconds' worth may come at once. */
export type GrowthRates = Readonly<Record<Addition, number>>;

/** The entry of addresses that have no limits of their own. */
export const EXEMPT = 0;

/** Entries of addresses begin at 1. */
const ENTRIES = 1 + ADDRESSES_MAX + SHARED_ADDRESS_ENTRIES;

/** Memory for the buckets of all entries, 1.6 MB, of which the system commits what is used. */
export function newGrowthMemory(entries = ENTRIES): SharedArrayBuffer {
  return new SharedArrayBuffer(entries * ADDITIONS.length * BigInt64Array.BYTES_PER_ELEMENT);
}

/** One thread's view of the buckets. Every `now` is in seconds, on a clock that all threads share. */
export class GrowthBudgets {
  readonly #fullAt: BigInt64Array;
  /** Microseconds in which a bucket gets one token, by kind. */
  readonly #interval: Readonly<Record<Addition, bigint>>;
  /** Microseconds in which an empty bucket becomes full. */
  readonly #depth: Readonly<Record<Addition, bigint>>;

  constructor(memory: SharedArrayBuffer, rates: GrowthRates) {
    this.#fullAt = new BigInt64Array(memory);
    const interval = (kind: Addition) => BigInt(Math.round(1e6 / rates[kind]));
    const depth = (kind: Addition) => interval(kind) * BigInt(Math.max(1, burstOf(rates[kind])));
    this.#interval = {
      registration: interval('registration'),
      cluster: interval('cluster'),
      member: interval('member'),
    };
    this.#depth = { registration: depth('registration'), cluster: depth('cluster'), member: depth('member') };
  }

  /** Takes a token of an entry; false if it has none. */
  take(entry: number, kind: Addition, now: number): boolean {
    if (entry === EXEMPT) return true;
    const at = placeOf(entry, kind);
    const time = microseconds(now);
    for (;;) {
      const fullAt = Atomics.load(this.#fullAt, at);
      const next = (fullAt > time ? fullAt : time) + this.#interval[kind];
      if (next - time > this.#depth[kind]) return false;
      if (Atomics.compareExchange(this.#fullAt, at, fullAt, next) === fullAt) return true;
    }
  }

  /** Gives a token back that was taken for nothing. The bucket never holds more than its burst. */
  giveBack(entry: number, kind: Addition): void {
    if (entry !== EXEMPT) Atomics.sub(this.#fullAt, placeOf(entry, kind), this.#interval[kind]);
  }

  /** Whether all buckets of an entry are full: then nothing is lost where another address gets it. */
  isFull(entry: number, now: number): boolean {
    const time = microseconds(now);
    return ADDITIONS.every((kind) => Atomics.load(this.#fullAt, placeOf(entry, kind)) <= time);
  }
}

function burstOf(perSecond: number): number {
  return Math.floor(perSecond * GROWTH_BURST_SECONDS_PER_ADDRESS);
}

function placeOf(entry: number, kind: Addition): number {
  return entry * ADDITIONS.length + ADDITIONS.indexOf(kind);
}

function microseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * 1e6));
}
