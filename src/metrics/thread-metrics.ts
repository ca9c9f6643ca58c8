// What each thread uses of the machine, and how late the event loops of the main thread and the coordinator are. A worker of
// the pool has no event loop to speak of: it sleeps on its parker, so its CPU time says how busy it is.
import { Counter, Gauge, type Registry } from 'prom-client';
import { LOOP_PERIOD_MS } from '../runtime/loop-delay.ts';
import type { ThreadStats } from '../runtime/thread-stats.ts';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** The threads of a process by the values of the label `thread`: `main`, `coordinator`, `worker-0` to `worker-255`. */
export interface Threads {
  readings(): readonly (readonly [thread: string, readings: ThreadStats])[];
  readonly loopDelays: { readonly main: HistogramBuckets; readonly coordinator: HistogramBuckets };
}

/** Registers them. */
export function threadMetrics(registry: Registry, { readings, loopDelays }: Threads): void {
  const registers = [registry];
  const labelNames = ['thread'] as const;
  new Counter({
    name: 'xlreg_thread_cpu_seconds_total',
    help: 'CPU time of a thread, in user mode and in the kernel; only where there is /proc.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [thread, { cpuSeconds }] of readings()) this.inc({ thread }, cpuSeconds);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_used_bytes',
    help: 'JavaScript heap of a thread that is in use.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapUsedBytes }] of readings()) this.set({ thread }, heapUsedBytes);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_limit_bytes',
    help: 'What the JavaScript heap of a thread may grow to; beyond it the thread ends.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapLimitBytes }] of readings()) this.set({ thread }, heapLimitBytes);
    },
  });
  new PlainHistogram(
    {
      name: 'xlreg_thread_event_loop_delay_seconds',
      help: `By how much a timer of ${LOOP_PERIOD_MS} ms is late: what else waits for the event loop waits as long.`,
      labelNames,
      registers,
    },
    Object.entries(loopDelays).map(([thread, series]) => ({ labels: { thread }, series })),
  );
}
