// Metrics of admission: connections closed by limits, and use of the limits.
import { Counter, Gauge, type Registry } from 'prom-client';
import { DROP_CAUSES, type DropCause } from '../admission/admission.ts';

export class AdmissionMetrics {
  readonly #drops: Counter<'cause'>;

  /** `counts` returns the use of the limits, and the limit of connections in effect. */
  constructor(
    registry: Registry,
    counts: () => { readonly connections: number; readonly connectionsMax: number; readonly addresses: number },
  ) {
    const registers = [registry];
    this.#drops = new Counter({
      name: 'xlreg_admission_drops_total',
      help: 'Connections closed by a limit, by cause.',
      labelNames: ['cause'],
      registers,
    });
    for (const cause of DROP_CAUSES) this.#drops.inc({ cause }, 0);
    new Gauge({
      name: 'xlreg_admission_connections',
      help: 'Connections that count towards --max-connections.',
      registers,
      collect() {
        this.set(counts().connections);
      },
    });
    new Gauge({
      name: 'xlreg_admission_connections_max',
      help: 'Maximum of xlreg_admission_connections: --max-connections, or less because of the limit of open files.',
      registers,
      collect() {
        this.set(counts().connectionsMax);
      },
    });
    new Gauge({
      name: 'xlreg_admission_addresses',
      help: 'Addresses with counts of their own.',
      registers,
      collect() {
        this.set(counts().addresses);
      },
    });
  }

  dropped(cause: DropCause): void {
    this.#drops.inc({ cause });
  }
}
