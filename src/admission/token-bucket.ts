// Token bucket: a rate limit with a burst. The bucket fills steadily, and each event takes one token.

/** Rate and size of buckets. A change applies to all buckets that share it, from now on. */
export interface BucketRate {
  /** Tokens a second. */
  perSecond: number;
  /** Tokens of a full bucket. */
  burst: number;
}

export class TokenBucket {
  readonly #rate: BucketRate;
  #tokens: number;
  /** Time at which `#tokens` was computed, in milliseconds. */
  #since: number;

  /** The bucket begins full. It follows later changes of `rate`. */
  constructor(rate: BucketRate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#since = now;
  }

  /** Takes a token, or a part of one; false if the bucket has less. */
  take(now: number, count = 1): boolean {
    this.#fill(now);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Puts back what an event took that does not count. */
  giveBack(count: number): void {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + count);
  }

  /** Number of taken tokens that have not come back yet. */
  used(now: number): number {
    this.#fill(now);
    return Math.ceil(this.#rate.burst - this.#tokens);
  }

  /** True if the bucket is full, so that it can be discarded without loss. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#since) / 1000) * perSecond);
    this.#since = now;
  }
}
