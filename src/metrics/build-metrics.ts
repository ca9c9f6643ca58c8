// The version of the program, as a metric.
import { Gauge, type Registry } from 'prom-client';

/** Registers the metric. */
export function buildMetrics(
  registry: Registry,
  labels: Readonly<Record<'version' | 'node' | 'platform' | 'store', string>>,
): void {
  new Gauge({
    name: 'xlreg_build_info',
    help: 'Always 1. The labels have the version of xlReg, of Node, the platform, and the kind of the store.',
    labelNames: ['version', 'node', 'platform', 'store'],
    registers: [registry],
  }).set(labels, 1);
}
