// Metrics of requests that wait for a change of their cluster, read from the front end's counts at the scrape.
import type { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Reasons for the end of a wait. `closed`: with the connection, unanswered. */
export const WAIT_ENDS = ['change', 'time', 'message', 'fin', 'drain', 'closed'] as const;
export type WaitEnd = (typeof WAIT_ENDS)[number];

/** Counts of the waits of one front end; `ended` by the reason of the end. */
export interface WaitCounts {
  readonly parked: number;
  readonly woken: number;
  readonly ended: Readonly<Record<WaitEnd, number>>;
}

/** Registers the metrics. `counts` returns those of each front end. */
export function waitMetrics(registry: Registry, counts: () => readonly WaitCounts[]): void {
  const metrics = new ScrapedMetrics(registry);
  metrics.gauge(
    'xlreg_waits_parked',
    'Connections parked with a GetCluster that waits for a change of its cluster.',
    () => sum(counts(), ({ parked }) => parked),
  );
  metrics.counter(
    'xlreg_waits_woken_total',
    'Parked requests resumed because of a change. Some wait on, such as those for completion.',
    () => sum(counts(), ({ woken }) => woken),
  );
  metrics.counters(
    'xlreg_waits_ended_total',
    'Ended waits by reason: a change, their time, the next message or FIN of the client, a drain, or the closed connection.',
    ['end'],
    () => {
      const all = counts();
      return WAIT_ENDS.map((end) => [{ end }, sum(all, ({ ended }) => ended[end])]);
    },
  );
}

function sum(counts: readonly WaitCounts[], value: (counts: WaitCounts) => number): number {
  return counts.reduce((total, one) => total + value(one), 0);
}
