// A histogram of series, whose numbers are put into Prometheus' shape at the scrape: prom-client's own looks its labels up
// anew for each observation, which on the data path costs more than what it measures.
import {
  Histogram,
  type HistogramConfiguration,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';

/** A series, and its label: one at most, whose values are known beforehand. */
export interface LabelledSeries<T extends string> {
  readonly labels: Partial<Record<T, string>>;
  readonly series: HistogramBuckets;
}

export class PlainHistogram<T extends string> extends Histogram<T> {
  readonly #series: readonly LabelledSeries<T>[];

  /** `series` are all there will ever be, and have the same bounds. */
  constructor(settings: Omit<HistogramConfiguration<T>, 'buckets'>, series: readonly LabelledSeries<T>[]) {
    super({ ...settings, buckets: [...series[0]!.series.bounds] });
    this.#series = series;
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    return this.getForPromString();
  }

  /**
   * What a registry asks a histogram for when it makes a page. It is not in prom-client's types; tests of the page find out
   * if that changes.
   */
  async getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    const { name, help, type, aggregator } = this as unknown as MetricObject;
    const values = this.#series.flatMap(({ labels, series }) => {
      let count = 0;
      const buckets = [...series.bounds, '+Inf'].map((le, bucket) => {
        count += series.counts[bucket]!;
        return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` };
      });
      return [
        ...buckets,
        { labels, value: series.sum, metricName: `${name}_sum` },
        { labels, value: count, metricName: `${name}_count` },
      ];
    });
    return { name, help, type, aggregator, collect: () => {}, values } as MetricObjectWithValues<
      MetricValueWithName<T>
    >;
  }
}
