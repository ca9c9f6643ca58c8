// A histogram whose observations are additions to plain numbers, put into Prometheus' shape at the scrape: prom-client's
// own looks its labels up anew for each, which on the data path costs more than what it measures.
import {
  Histogram,
  type HistogramConfiguration,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';

/** The numbers of one combination of labels. */
class Series {
  readonly #bounds: readonly number[];
  /** By bucket, each without the smaller ones; the last is for what exceeds every bound. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}

/** A histogram with one label at most, whose values are known beforehand. */
export class PlainHistogram<T extends string> extends Histogram<T> {
  readonly #bounds: readonly number[];
  readonly #series: readonly { readonly labels: Partial<Record<T, string>>; readonly series: Series }[];

  /** `labels` are all combinations there will ever be. */
  constructor(
    settings: Omit<HistogramConfiguration<T>, 'buckets'> & { readonly buckets: readonly number[] },
    labels: readonly Partial<Record<T, string>>[],
  ) {
    super({ ...settings, buckets: [...settings.buckets] });
    this.#bounds = settings.buckets;
    this.#series = labels.map((labels) => ({ labels, series: new Series(settings.buckets) }));
  }

  /** What observes into the series of that place among the labels. */
  at(place: number): Pick<Series, 'observe'> {
    return this.#series[place]!.series;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    const metric = await super.get();
    const values = this.#series.flatMap(({ labels, series }) => {
      let count = 0;
      const buckets = [...this.#bounds, '+Inf'].map((le, bucket) => {
        count += series.counts[bucket]!;
        return { labels: { le, ...labels }, value: count, metricName: `${metric.name}_bucket` };
      });
      return [
        ...buckets,
        { labels, value: series.sum, metricName: `${metric.name}_sum` },
        { labels, value: count, metricName: `${metric.name}_count` },
      ];
    });
    return { ...metric, values } as MetricObjectWithValues<MetricValueWithName<T>>;
  }
}
