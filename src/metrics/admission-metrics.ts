// What limits have closed, and how much of them is in use.
import { Counter, Gauge, type Registry } from 'prom-client';
import { DROP_CAUSES, type DropCause } from '../admission/admission.ts';

export class AdmissionMetrics {
  readonly #drops: Counter<'cause'>;

  /** `connectionsMax` is what connections are held against. */
  constructor(
    registry: Registry,
    connectionsMax: number,
    counts: () => { readonly connections: number; readonly addresses: number },
  ) {
    const registers = [registry];
    this.#drops = new Counter({
      name: 'xlreg_admission_drops_total',
      help: 'Connections closed by a limit, by which.',
      labelNames: ['cause'],
      registers,
    });
    for (const cause of DROP_CAUSES) this.#drops.inc({ cause }, 0);
    new Gauge({
      name: 'xlreg_admission_connections',
      help: 'Connections that count for --max-connections.',
      registers,
      collect() {
        this.set(counts().connections);
      },
    });
    new Gauge({
      name: 'xlreg_admission_connections_max',
      help: 'How many of them there may be: --max-connections, or what the limit of open files leaves of it.',
      registers,
    }).set(connectionsMax);
    new Gauge({
      name: 'xlreg_admission_addresses',
      help: 'Addresses that are counted each for itself.',
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
