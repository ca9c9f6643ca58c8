// Metrics of requests that wait for a change of their cluster, read from the front end's counts at the scrape.
import type { Registry } from 'prom-client';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Counts of waits; `ended` by the reason of the end. */
export interface WaitCounts {
  readonly parked: number;
  readonly woken: number;
  readonly ended: Readonly<Record<string, number>>;
}

export function waitMetrics(registry: Registry, counts: () => WaitCounts): void {
  const metrics = new ScrapedMetrics(registry);
  metrics.gauge(
    'xlreg_waits_parked',
    'Connections parked with a GetCluster that waits for a change of its cluster.',
    () => counts().parked,
  );
  metrics.counter(
    'xlreg_waits_woken_total',
    'Parked requests resumed because of a change. Some wait on, such as those for completion.',
    () => counts().woken,
  );
  metrics.counters(
    'xlreg_waits_ended_total',
    'Ended waits by reason: a change, their time, the next message or FIN of the client, a drain, or the closed connection.',
    ['end'],
    () => Object.entries(counts().ended).map(([end, count]) => [{ end }, count]),
  );
}
