// Counts of one front end's share of the pool, in shared memory: jobs per hand-over, and the time of jobs by stage.
import { isHello, type Job, type JobTimes } from '../pool/job.ts';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import type { CounterAllocator, SharedCounter } from '../shared-memory/shared-counter.ts';

/** From the cost of a message, tens of microseconds, to that of a stalled disk. */
const STAGE_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_FRAMES = [1, 2, 4, 8, 16, 32, 64];
export const STAGES = [
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

export class PoolCounters {
  /** Histograms in the order of STAGES. */
  readonly stages: readonly HistogramBuckets[];
  readonly frames: HistogramBuckets;
  readonly #failures: SharedCounter;

  constructor(memory: CounterAllocator) {
    this.stages = STAGES.map(() => memory.histogram(STAGE_SECONDS));
    this.frames = memory.histogram(BATCH_FRAMES);
    this.#failures = memory.counter();
  }

  get failures(): number {
    return this.#failures.value;
  }

  handedOver(frames: number): void {
    this.frames.observe(frames);
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
    this.#failures.value += 1;
  }

  #observe(stage: (typeof STAGES)[number], milliseconds: number): void {
    this.stages[STAGES.indexOf(stage)]!.observe(milliseconds / 1000);
  }
}
