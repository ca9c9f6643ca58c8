// Metrics of the admin port's connections.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers the metrics. `counts` returns the numbers of open connections and of those closed for a bound. */
export function adminMetrics(
  registry: Registry,
  counts: () => { readonly open: number; readonly dropped: number },
): void {
  const registers = [registry];
  new Gauge({
    name: 'xlreg_admin_connections',
    help: 'Open connections of the admin port.',
    registers,
    collect() {
      this.set(counts().open);
    },
  });
  new Counter({
    name: 'xlreg_admin_connections_dropped_total',
    help: 'Connections of the admin port closed at its bound: idle ones to make room, or new ones.',
    registers,
    collect() {
      this.reset();
      this.inc(counts().dropped);
    },
  });
}
