// Metrics of the log.
import { Counter, type Registry } from 'prom-client';

/** Registers the metric. `dropped` returns the number of lines lost so far. */
export function logMetrics(registry: Registry, dropped: () => number): void {
  new Counter({
    name: 'xlreg_log_lines_dropped_total',
    help: 'Log lines lost because stderr had no space or no reader, or its reader was too slow.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(dropped());
    },
  });
}
