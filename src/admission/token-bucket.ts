// A rate with room for a burst: a bucket that fills steadily and from which each event takes one token.

/** How fast a bucket fills, and how much it holds. */
export interface BucketRate {
  /** Tokens a second. */
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #rate: BucketRate;
  #tokens: number;
  /** When `#tokens` was right, in milliseconds. */
  #since: number;

  /** Begins full. */
  constructor(rate: BucketRate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#since = now;
  }

  /** Takes a token; false if there is none. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Whether it is as it was at the beginning, so that nothing is lost with it. */
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
