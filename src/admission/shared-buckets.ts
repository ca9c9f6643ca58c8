// Token buckets in memory that all threads share: rate limits with a burst. Any thread may take from any bucket.
//
// A bucket is one atomic word: the time in nanoseconds at which it is full again (GCRA). Taking tokens is one
// compare-and-exchange, and nothing needs refilling. Each bucket is independent, so no order between words matters.
// Invariant: a word in the past is a full bucket, so zeroed memory is a table of full buckets.

/** Rate and size of buckets. */
export interface BucketRate {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

const NANOSECONDS = 1e9;

/** One thread's view of buckets with one rate. `now` is always in seconds, on the clock of monotonicSeconds(). */
export class SharedBuckets {
  readonly #fullAt: BigInt64Array;
  /** Nanoseconds for one token. */
  #interval = 0;
  /** Nanoseconds to fill an empty bucket. */
  #depth = 0n;

  constructor(words: BigInt64Array, rate: BucketRate) {
    this.#fullAt = words;
    this.setRate(rate);
  }

  /** Replaces the rate of this view. A word stays the time at which its bucket is full, so debts are kept. */
  setRate({ perSecond, burst }: BucketRate): void {
    this.#interval = NANOSECONDS / perSecond;
    this.#depth = this.#costOf(burst);
  }

  /** Takes tokens, or a part of one; false if the bucket at word `at` has less. */
  take(at: number, now: number, count = 1): boolean {
    const time = nanoseconds(now);
    const cost = this.#costOf(count);
    for (;;) {
      const fullAt = Atomics.load(this.#fullAt, at);
      const next = (fullAt > time ? fullAt : time) + cost;
      if (next - time > this.#depth) return false;
      if (Atomics.compareExchange(this.#fullAt, at, fullAt, next) === fullAt) return true;
    }
  }

  /** Returns unused tokens. The bucket never exceeds its burst, because a time in the past counts as full. */
  giveBack(at: number, count = 1): void {
    Atomics.sub(this.#fullAt, at, this.#costOf(count));
  }

  /** Number of taken tokens that have not come back yet. */
  used(at: number, now: number): number {
    const left = Number(Atomics.load(this.#fullAt, at) - nanoseconds(now));
    return left <= 0 ? 0 : Math.ceil(left / this.#interval);
  }

  /** True if the bucket is full, so that it can be discarded without loss. */
  isFull(at: number, now: number): boolean {
    return isFull(this.#fullAt, at, now);
  }

  #costOf(count: number): bigint {
    return BigInt(Math.round(count * this.#interval));
  }
}

/** True if the bucket at word `at` of `words` is full, at any rate. */
export function isFull(words: BigInt64Array, at: number, now: number): boolean {
  return Atomics.load(words, at) <= nanoseconds(now);
}

function nanoseconds(seconds: number): bigint {
  return BigInt(Math.round(seconds * NANOSECONDS));
}
