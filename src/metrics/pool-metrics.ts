// Metrics of the pool: waiting jobs, jobs per hand-over, and the time of jobs by stage, over all front ends.
import { Counter, type Registry } from 'prom-client';
import { SummedHistogram } from '../shared-memory/histogram-buckets.ts';
import { PlainHistogram } from './plain-histogram.ts';
import { type PoolCounters, STAGES } from './pool-counters.ts';
import { ScrapedMetrics } from './scraped-metrics.ts';

/** Number of jobs that wait for the pool, by kind. */
export interface QueueLengths {
  readonly hello: number;
  readonly message: number;
  readonly resume: number;
}

/** Registers the metrics. `counters` are those of each front end; `queueLengths` returns those of each. */
export function poolMetrics(
  registry: Registry,
  counters: readonly PoolCounters[],
  queueLengths: () => readonly QueueLengths[],
): void {
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
    STAGES.map((stage, place) => ({
      labels: { stage },
      series: new SummedHistogram(counters.map(({ stages }) => stages[place]!)),
    })),
  );
  new PlainHistogram({ name: 'xlreg_pool_batch_frames', help: 'Jobs handed over to a worker at once.', registers }, [
    { labels: {}, series: new SummedHistogram(counters.map(({ frames }) => frames)) },
  ]);
  new Counter({
    name: 'xlreg_pool_failures_total',
    help: 'Workers that failed and were replaced; the connections of their jobs were closed.',
    registers,
    collect() {
      this.reset();
      this.inc(counters.reduce((sum, { failures }) => sum + failures, 0));
    },
  });
  new ScrapedMetrics(registry).gauges('xlreg_pool_queue_frames', 'Jobs waiting for the pool.', ['kind'], () => {
    const lengths = queueLengths();
    const kinds = ['hello', 'message', 'resume'] as const;
    return kinds.map((kind) => [{ kind }, lengths.reduce((sum, one) => sum + one[kind], 0)]);
  });
}
