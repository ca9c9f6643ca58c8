// A histogram that is converted to Prometheus' format at the scrape only. prom-client's own looks up its labels at each
// observation, which on the data path would cost more than the measured code.
import {
  Histogram,
  type HistogramConfiguration,
  type MetricObject,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from 'prom-client';
import type { HistogramReading } from '../shared-memory/histogram-buckets.ts';

/** The buckets of one combination of labels. At most one label, with values known beforehand. */
export interface LabelledSeries<T extends string> {
  readonly labels: Partial<Record<T, string>>;
  readonly series: HistogramReading;
}

export class PlainHistogram<T extends string> extends Histogram<T> {
  readonly #series: readonly LabelledSeries<T>[];

  /** `series` holds every series that will ever exist, all with the same bounds. */
  constructor(settings: Omit<HistogramConfiguration<T>, 'buckets'>, series: readonly LabelledSeries<T>[]) {
    super({ ...settings, buckets: [...series[0]!.series.bounds] });
    this.#series = series;
  }

  override get(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    return this.getForPromString();
  }

  /**
   * A registry calls this to print a page. The method is missing in prom-client's types. Tests of the page fail if
   * prom-client changes it.
   */
  async getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<T>>> {
    const { name, help, type, aggregator } = this as unknown as MetricObject;
    const values = this.#series.flatMap(({ labels, series }) => {
      let count = 0;
      const { counts } = series;
      const buckets = [...series.bounds, '+Inf'].map((le, bucket) => {
        count += counts[bucket]!;
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
