// Metrics of threads: CPU time, heap, and the event-loop delay of front ends and coordinator. A worker parks instead
// of running its event loop, so its CPU time shows how busy it is.
import { Counter, Gauge, type Registry } from 'prom-client';
import { LOOP_PERIOD_MS } from '../runtime/loop-delay.ts';
import type { ThreadStats } from '../runtime/thread-stats.ts';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** The threads of a process, by label `thread`: `main`, `front-1`, …, `coordinator`, `worker-0` to `worker-255`. */
export interface Threads {
  stats(): readonly (readonly [thread: string, stats: ThreadStats])[];
  /** Each thread that runs its event loop, by name. */
  readonly loopDelays: Readonly<Record<string, HistogramBuckets>>;
}

/** Registers the metrics. */
export function threadMetrics(registry: Registry, { stats, loopDelays }: Threads): void {
  const registers = [registry];
  const labelNames = ['thread'] as const;
  new Counter({
    name: 'xlreg_thread_cpu_seconds_total',
    help: 'CPU time of a thread, in user mode and in the kernel; 0 without /proc.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [thread, { cpuSeconds }] of stats()) this.inc({ thread }, cpuSeconds);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_used_bytes',
    help: 'Used JavaScript heap of a thread.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapUsedBytes }] of stats()) this.set({ thread }, heapUsedBytes);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_limit_bytes',
    help: 'Maximum JavaScript heap of a thread. The thread dies beyond it.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapLimitBytes }] of stats()) this.set({ thread }, heapLimitBytes);
    },
  });
  new PlainHistogram(
    {
      name: 'xlreg_thread_event_loop_delay_seconds',
      help: `Delay of a ${LOOP_PERIOD_MS} ms timer. Everything else in the event loop waits as long.`,
      labelNames,
      registers,
    },
    Object.entries(loopDelays).map(([thread, series]) => ({ labels: { thread }, series })),
  );
}
