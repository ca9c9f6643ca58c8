// Metrics that are read from plain numbers at the scrape. A labelled counter of prom-client would cost as much as all
// else that a thread does for a message.
import { Counter, Gauge, type LabelValues, type Registry } from 'prom-client';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import { PlainHistogram } from './plain-histogram.ts';

/**
 * A value for each combination of labels. Peers must not choose label values, so that the cardinality stays bounded.
 */
export type Samples<Label extends string> = Iterable<readonly [labels: LabelValues<Label>, value: number]>;

/** Registers metrics in one registry. */
export class ScrapedMetrics {
  readonly #registers: [Registry];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  /** A counter without labels. `read` returns its total since the start. */
  counter(name: string, help: string, read: () => number): void {
    this.counters(name, help, [], () => [[{}, read()]]);
  }

  /** A counter with labels. */
  counters<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Samples<Label>,
  ): void {
    new Counter({
      ...{ name, help, labelNames: [...labelNames], registers: this.#registers },
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.inc(labels, value);
      },
    });
  }

  /** A gauge without labels. */
  gauge(name: string, help: string, read: () => number): void {
    this.gauges(name, help, [], () => [[{}, read()]]);
  }

  /** A gauge with labels. */
  gauges<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Samples<Label>,
  ): void {
    const gauge = new Gauge({
      ...{ name, help, labelNames: [...labelNames], registers: this.#registers },
      collect() {
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
    // prom-client begins a gauge without labels at 0. An alert would take that for a value of `read`.
    if (labelNames.length === 0) gauge.remove();
  }

  /** A histogram without labels. */
  histogram(name: string, help: string, series: HistogramBuckets): void {
    new PlainHistogram({ name, help, registers: this.#registers }, [{ labels: {}, series }]);
  }
}
