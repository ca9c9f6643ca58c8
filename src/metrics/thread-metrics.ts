// What each thread uses of the machine, and how late the event loops of the main thread and the coordinator are. A worker of
// the pool has no event loop to speak of: it sleeps on its bell, so its CPU time says how busy it is.
import { Counter, Gauge, type Registry } from 'prom-client';
import { readThread, type ThreadReadings } from '../thread-readings.ts';
import { PlainHistogram } from './plain-histogram.ts';

/** How often a timer looks whether its event loop is late. */
const LOOP_PERIOD_MS = 20;
const LOOP_DELAY_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

/**
 * Registers them for the thread that calls, and for the workers of the pool if it has one. Values of the label `thread`:
 * `main`, `coordinator`, `worker-0` to `worker-255`.
 */
export function threadMetrics(
  registry: Registry,
  thread: 'main' | 'coordinator',
  workers: () => readonly ThreadReadings[] = () => [],
): void {
  const registers = [registry];
  const labelNames = ['thread'] as const;
  const all = (): [string, ThreadReadings][] => [
    [thread, readThread()],
    ...workers().map((readings, index): [string, ThreadReadings] => [`worker-${index}`, readings]),
  ];
  new Counter({
    name: 'xlreg_thread_cpu_seconds_total',
    help: 'CPU time of a thread, in user mode and in the kernel; only where there is /proc.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [thread, { cpuSeconds }] of all()) this.inc({ thread }, cpuSeconds);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_used_bytes',
    help: 'JavaScript heap of a thread that is in use.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapUsedBytes }] of all()) this.set({ thread }, heapUsedBytes);
    },
  });
  new Gauge({
    name: 'xlreg_thread_heap_limit_bytes',
    help: 'What the JavaScript heap of a thread may grow to; beyond it the thread ends.',
    labelNames,
    registers,
    collect() {
      for (const [thread, { heapLimitBytes }] of all()) this.set({ thread }, heapLimitBytes);
    },
  });
  const delay = new PlainHistogram(
    {
      name: 'xlreg_thread_event_loop_delay_seconds',
      help: `By how much a timer of ${LOOP_PERIOD_MS} ms is late: what else waits for the event loop waits as long.`,
      labelNames,
      buckets: LOOP_DELAY_SECONDS,
      registers,
    },
    [{ thread }],
  ).at(0);
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - LOOP_PERIOD_MS) / 1000);
    last = now;
  }, LOOP_PERIOD_MS).unref();
}
