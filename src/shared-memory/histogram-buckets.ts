// The numbers of a histogram with one combination of labels: observing adds to them and no more. In shared memory any thread
// may read them, while one observes.

export class HistogramBuckets {
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
  /** Observations by bucket, each without those of smaller ones; the last is for what exceeds every bound. */
  readonly counts: Float64Array<ArrayBufferLike>;
  readonly #sum: Float64Array<ArrayBufferLike>;

  /** `numbers` are as many as `Series.numbers()` says, all 0. */
  constructor(
    bounds: readonly number[],
    numbers: Float64Array<ArrayBufferLike> = new Float64Array(HistogramBuckets.numbers(bounds)),
  ) {
    this.bounds = bounds;
    this.counts = numbers.subarray(0, bounds.length + 1);
    this.#sum = numbers.subarray(bounds.length + 1);
  }

  /** Numbers it takes. */
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
