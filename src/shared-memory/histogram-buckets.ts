// The counts and the sum of a histogram with one combination of labels. In shared memory one thread observes and any
// thread reads. A reader may see the count of a value without its share of the sum (docs/explanation/concurrency.md).

/** A histogram as a scrape reads it. */
export interface HistogramReading {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
  /** Observations by bucket, not cumulative. The last bucket counts values above every bound. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

export class HistogramBuckets implements HistogramReading {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
  /** Observations by bucket, not cumulative. The last bucket counts values above every bound. */
  readonly counts: Float64Array<ArrayBufferLike>;
  readonly #sum: Float64Array<ArrayBufferLike>;

  /** `numbers` are all 0, and as many as `HistogramBuckets.numbers` says. */
  constructor(
    bounds: readonly number[],
    numbers: Float64Array<ArrayBufferLike> = new Float64Array(HistogramBuckets.numbers(bounds)),
  ) {
    this.bounds = bounds;
    this.counts = numbers.subarray(0, bounds.length + 1);
    this.#sum = numbers.subarray(bounds.length + 1);
  }

  /** Number of numbers that a histogram with these bounds takes. */
  static numbers(bounds: readonly number[]): number {
    return bounds.length + 2;
  }

  get sum(): number {
    return this.#sum[0]!;
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.#sum[0]! += value;
  }
}

/** Histograms of several threads with the same bounds, added up when they are read. */
export class SummedHistogram implements HistogramReading {
  readonly #parts: readonly HistogramBuckets[];

  /** At least one. */
  constructor(parts: readonly HistogramBuckets[]) {
    this.#parts = parts;
  }

  get bounds(): readonly number[] {
    return this.#parts[0]!.bounds;
  }

  get counts(): ArrayLike<number> {
    const of = (bucket: number) => this.#parts.reduce((sum, { counts }) => sum + counts[bucket]!, 0);
    return Array.from({ length: this.bounds.length + 1 }, (_, bucket) => of(bucket));
  }

  get sum(): number {
    return this.#parts.reduce((total, { sum }) => total + sum, 0);
  }
}
