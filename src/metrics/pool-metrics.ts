// Metrics of the pool: waiting jobs, jobs per hand-over, and the time of jobs by stage.
import { Counter, Gauge, type Registry } from 'prom-client';
import { isHello, type Job, type JobTimes } from '../pool/job.ts';
import type { Pool } from '../pool/pool.ts';
import { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** From the cost of a message, tens of microseconds, to that of a stalled disk. */
const STAGE_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_FRAMES = [1, 2, 4, 8, 16, 32, 64];
const STAGES = [
  'hello-wait',
  'hello-call',
  'hello',
  'sealed-hello',
  'hello-rest',
  'message-wait',
  'message-call',
  'open',
  'ask',
  'seal',
] as const;

export class PoolMetrics {
  /** Histograms in the order of STAGES. */
  readonly #stages = STAGES.map(() => new HistogramBuckets(STAGE_SECONDS));
  readonly #frames = new HistogramBuckets(BATCH_FRAMES);
  readonly #failures: Counter;

  constructor(registry: Registry, queueLengths: () => Pool['queueLengths']) {
    const registers = [registry];
    new PlainHistogram(
      {
        name: 'xlreg_stage_seconds',
        help:
          'Time of jobs by stage. hello-wait and message-wait: in the queue. hello-call and message-call: from ' +
          'hand-over to return. Parts of these: hello (RSA), sealed-hello (X25519), open, ask (the coordinator, if needed) and seal. ' +
          'hello-rest is hello-call without these two: the way to the worker and back, and other jobs there.',
        labelNames: ['stage'],
        registers,
      },
      STAGES.map((stage, place) => ({ labels: { stage }, series: this.#stages[place]! })),
    );
    new PlainHistogram({ name: 'xlreg_pool_batch_frames', help: 'Jobs handed over to a worker at once.', registers }, [
      { labels: {}, series: this.#frames },
    ]);
    this.#failures = new Counter({
      name: 'xlreg_pool_failures_total',
      help: 'Workers that failed and were replaced; the connections of their jobs were closed.',
      registers,
    });
    new Gauge({
      name: 'xlreg_pool_queue_frames',
      help: 'Jobs waiting for the pool.',
      labelNames: ['kind'],
      registers,
      collect() {
        const { hello, message, resume } = queueLengths();
        this.set({ kind: 'hello' }, hello);
        this.set({ kind: 'message' }, message);
        this.set({ kind: 'resume' }, resume);
      },
    });
  }

  handedOver(frames: number): void {
    this.#frames.observe(frames);
  }

  /** Times in milliseconds. */
  done(kind: Job['kind'], waited: number, call: number, { open, ask, seal }: JobTimes): void {
    const hello = isHello(kind);
    this.#observe(hello ? 'hello-wait' : 'message-wait', waited);
    this.#observe(hello ? 'hello-call' : 'message-call', call);
    this.#observe(kind === 'hello' || kind === 'sealed-hello' ? kind : 'open', open);
    if (hello) this.#observe('hello-rest', Math.max(0, call - open));
    if (seal === 0) return;
    if (ask > 0) this.#observe('ask', ask);
    this.#observe('seal', seal);
  }

  failed(): void {
    this.#failures.inc();
  }

  #observe(stage: (typeof STAGES)[number], milliseconds: number): void {
    this.#stages[STAGES.indexOf(stage)]!.observe(milliseconds / 1000);
  }
}
