// Metrics of each front end. The front end of the main thread is 0; the thread of another is `front-N`.
import type { Registry } from 'prom-client';
import { SESSION_DIALECTS } from '../wire/hello.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';
import { DIALECTS, type SessionCounters, TRANSPORTS } from './session-counters.ts';

/** Registers the metrics. `counters` are those of each front end; `failures` returns the failed ones. */
export function frontMetrics(registry: Registry, counters: readonly SessionCounters[], failures: () => number): void {
  const metrics = new ScrapedMetrics(registry);
  metrics.counters(
    'xlreg_front_sessions_started_total',
    'Sessions whose Hello was answered, by front end. Front 0 is the main thread, which serves TCP if it is alone.',
    ['front'],
    () => counters.map((one, front) => [{ front }, sum(SESSION_DIALECTS, one.started.bind(one))]),
  );
  metrics.gauges(
    'xlreg_front_sessions_open',
    'Open sessions by front end, those before their Hello included.',
    ['front'],
    () => counters.map((one, front) => [{ front }, sum(DIALECTS, one.open.bind(one))]),
  );
  metrics.counter(
    'xlreg_front_failures_total',
    'Threads of front ends that failed and were replaced; their connections were closed.',
    failures,
  );
}

function sum<D>(dialects: readonly D[], value: (transport: 'tcp' | 'ws', dialect: D) => number): number {
  const values = TRANSPORTS.flatMap((transport) => dialects.map((dialect) => value(transport, dialect)));
  return values.reduce((total, one) => total + one, 0);
}
