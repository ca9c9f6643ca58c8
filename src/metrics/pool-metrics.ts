// The crypto pool: what waits in front of it, how full its calls are, and where their time goes.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { PoolCall } from '../pool/pool.ts';

/** From the cost of a message, tens of microseconds, to that of a stuck disk. */
const STAGE_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_FRAMES = [1, 2, 4, 8, 16, 32, 64];

export class PoolMetrics {
  readonly #stage: Histogram<'stage'>;
  readonly #frames: Histogram;
  readonly #hellos: Counter;
  readonly #failures: Counter;

  constructor(registry: Registry, queueLengths: () => { readonly hello: number; readonly message: number }) {
    const registers = [registry];
    this.#stage = new Histogram({
      name: 'xlreg_stage_seconds',
      help:
        'Time of pool calls by stage: message-wait and hello-wait in the queue (the first of a batch), call from ' +
        'hand-over to return, and within it open, hello, ask and seal.',
      labelNames: ['stage'],
      buckets: STAGE_SECONDS,
      registers,
    });
    this.#frames = new Histogram({
      name: 'xlreg_pool_batch_frames',
      help: 'Frames handed over in one pool call.',
      buckets: BATCH_FRAMES,
      registers,
    });
    this.#hellos = new Counter({
      name: 'xlreg_pool_hellos_total',
      help: 'Hellos among the frames handed over.',
      registers,
    });
    this.#failures = new Counter({
      name: 'xlreg_pool_failures_total',
      help: 'Pool calls that came to nothing; the connections in them were closed.',
      registers,
    });
    new Gauge({
      name: 'xlreg_pool_queue_frames',
      help: 'Frames waiting for the pool.',
      labelNames: ['kind'],
      registers,
      collect() {
        const { hello, message } = queueLengths();
        this.set({ kind: 'hello' }, hello);
        this.set({ kind: 'message' }, message);
      },
    });
  }

  batch({ frames, hellos, call, messageWait, helloWait, times }: PoolCall): void {
    this.#frames.observe(frames);
    this.#hellos.inc(hellos);
    const stages = { call, 'message-wait': messageWait, 'hello-wait': helloWait };
    for (const [stage, seconds] of Object.entries(stages)) {
      if (seconds !== undefined) this.#stage.observe({ stage }, seconds);
    }
    if (hellos > 0) this.#stage.observe({ stage: 'hello' }, times.hello);
    if (hellos === frames) return;
    for (const stage of ['open', 'ask', 'seal'] as const) this.#stage.observe({ stage }, times[stage]);
  }

  failed(): void {
    this.#failures.inc();
  }
}
