// Metrics of admission: connections closed by limits, and use of the limits.
import type { Registry } from 'prom-client';
import { DROP_CAUSES } from '../admission/admission-limits.ts';
import { LIMITS, type LimitLedger } from '../admission/limit-ledger.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Registers the metrics. `connectionsMax` returns the limit of connections in effect. */
export function admissionMetrics(
  registry: Registry,
  connectionsMax: () => number,
  counts: () => { readonly connections: number; readonly addresses: number },
  ledger: Pick<LimitLedger, 'total'>,
): void {
  const metrics = new ScrapedMetrics(registry);
  metrics.counters('xlreg_admission_drops_total', 'Connections closed silently by a limit, by cause.', ['cause'], () =>
    DROP_CAUSES.map((cause) => [{ cause }, ledger.total(cause)]),
  );
  metrics.counters(
    'xlreg_limit_refused_total',
    'Connections closed and requests refused by a limit, by the limit.',
    ['limit'],
    () => LIMITS.map((limit) => [{ limit }, ledger.total(limit)]),
  );
  metrics.gauge(
    'xlreg_admission_connections',
    'Connections that count towards --max-connections.',
    () => counts().connections,
  );
  metrics.gauge(
    'xlreg_admission_connections_max',
    'Maximum of xlreg_admission_connections: --max-connections, or less because of the limit of open files.',
    connectionsMax,
  );
  metrics.gauge('xlreg_admission_addresses', 'Addresses with counts of their own.', () => counts().addresses);
}
