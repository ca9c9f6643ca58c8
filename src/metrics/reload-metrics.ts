// Metrics of reloads, which SIGHUP asks for.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers the metrics. Returns a function to call after each reload. The start counts as a good one in the time. */
export function reloadMetrics(registry: Registry): (result: 'success' | 'failure') => void {
  const registers = [registry];
  const reloads = new Counter({
    name: 'xlreg_reloads_total',
    help: 'Reloads by SIGHUP, by result. A failed one leaves what was in use.',
    labelNames: ['result'],
    registers,
  });
  const last = new Gauge({
    name: 'xlreg_last_reload_success_timestamp_seconds',
    help: 'Time of the last good reload, or of the start, in seconds since 1970.',
    registers,
  });
  for (const result of ['success', 'failure'] as const) reloads.inc({ result }, 0);
  last.setToCurrentTime();
  return (result) => {
    reloads.inc({ result });
    if (result === 'success') last.setToCurrentTime();
  };
}
