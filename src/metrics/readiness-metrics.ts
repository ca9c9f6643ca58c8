// Readiness as a metric, so that an alert needs no extra probe.
import { Gauge, type Registry } from 'prom-client';

/** Registers the metric. `checks` returns the checks of /readyz by name. */
export function readinessMetrics(registry: Registry, checks: () => Readonly<Record<string, boolean>>): void {
  new Gauge({
    name: 'xlreg_readiness_check',
    help: '1 for each check of /readyz that passes, 0 for one that fails.',
    labelNames: ['check'],
    registers: [registry],
    collect() {
      for (const [check, passes] of Object.entries(checks())) this.set({ check }, passes ? 1 : 0);
    },
  });
}
