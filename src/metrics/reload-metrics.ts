// Metrics of reloads.
import { Counter, Gauge, type Registry } from 'prom-client';

export class ReloadMetrics {
  readonly #reloads: Counter<'result'>;
  readonly #successful: Gauge;
  readonly #lastSuccess: Gauge;

  /** The start counts as the first success, so that the age of the settings is always known. */
  constructor(registry: Registry, now = Date.now()) {
    const registers = [registry];
    this.#reloads = new Counter({
      name: 'xlreg_reloads_total',
      help: 'Reloads by result: failure if the settings are faulty or a part stayed as it was.',
      labelNames: ['result'],
      registers,
    });
    for (const result of ['success', 'failure']) this.#reloads.inc({ result }, 0);
    this.#successful = new Gauge({
      name: 'xlreg_reload_successful',
      help: '1 if the last reload succeeded or there was none, 0 if it failed.',
      registers,
    });
    this.#lastSuccess = new Gauge({
      name: 'xlreg_reload_last_success_timestamp_seconds',
      help: 'Time of the last successful reload, or of the start.',
      registers,
    });
    this.#successful.set(1);
    this.#lastSuccess.set(now / 1000);
  }

  reloaded(success: boolean): void {
    this.#reloads.inc({ result: success ? 'success' : 'failure' });
    this.#successful.set(success ? 1 : 0);
    if (success) this.#lastSuccess.setToCurrentTime();
  }
}
