// What becomes of the log.
import { Counter, type Registry } from 'prom-client';

/** Registers it. `dropped` is how many lines were lost so far. */
export function logMetrics(registry: Registry, dropped: () => number): void {
  new Counter({
    name: 'xlreg_log_lines_dropped_total',
    help: 'Lines of the log that were lost: stderr had no space or no reader, or its reader was too slow.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(dropped());
    },
  });
}
