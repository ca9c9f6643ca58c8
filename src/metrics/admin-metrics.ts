// The connections of the admin port.
import { Counter, Gauge, type Registry } from 'prom-client';

/** `counts` says how many connections there are, and how many were closed because there were too many. */
export function adminMetrics(
  registry: Registry,
  counts: () => { readonly open: number; readonly dropped: number },
): void {
  const registers = [registry];
  new Gauge({
    name: 'xlreg_admin_connections',
    help: 'Connections of the admin port.',
    registers,
    collect() {
      this.set(counts().open);
    },
  });
  new Counter({
    name: 'xlreg_admin_connections_dropped_total',
    help: 'Connections of the admin port closed because there were too many: idle ones for new ones, or the new one.',
    registers,
    collect() {
      this.reset();
      this.inc(counts().dropped);
    },
  });
}
