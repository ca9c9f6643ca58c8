// Part of start step 7: the metrics of all front ends and of the threads.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import type { FrontEnd } from '../front/front-end.ts';
import type { FurtherFronts } from '../front/further-fronts.ts';
import { frontMetrics } from '../metrics/front-metrics.ts';
import { poolMetrics } from '../metrics/pool-metrics.ts';
import { sessionMetrics } from '../metrics/session-metrics.ts';
import { threadMetrics } from '../metrics/thread-metrics.ts';
import { waitMetrics } from '../metrics/wait-metrics.ts';
import { watchLoopDelay } from '../runtime/loop-delay.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import type { ServerContext } from './server-context.ts';

/** Registers them. `failures` returns the number of failed front ends. */
export function registerFrontMetrics(
  { metrics, frontStats, onStop }: ServerContext,
  { stats }: CoordinatorThread,
  front: FrontEnd,
  further: FurtherFronts,
  failures: () => number,
): void {
  const all = frontStats.map((one) => one.stats);
  const sessions = all.map((one) => one.sessions);
  /** The main thread's own state is that of the moment. */
  const states = () => [front.state, ...all.slice(1).map(({ state }) => state)];
  sessionMetrics(metrics, sessions);
  frontMetrics(metrics, sessions, failures);
  poolMetrics(
    metrics,
    all.map(({ pool }) => pool),
    () => states().map(({ queueLengths }) => queueLengths),
  );
  waitMetrics(metrics, () => states().map(({ waits }) => waits));
  const endWatch = watchLoopDelay(all[0]!.loopDelay);
  onStop(async () => endWatch());
  const nameOf = (front: number) => (front === 0 ? 'main' : `front-${front}`);
  threadMetrics(metrics, {
    stats: () => [
      ['main', readThreadStats()],
      ...further.threadStats.map(([front, threadStats]) => [nameOf(front), threadStats] as const),
      ['coordinator', stats.thread.read()],
      ...front.threadStats.map((threadStats, worker) => [`worker-${worker}`, threadStats] as const),
      ...further.workerStats.map(([worker, threadStats]) => [`worker-${worker}`, threadStats] as const),
    ],
    loopDelays: {
      ...Object.fromEntries(all.map(({ loopDelay }, front) => [nameOf(front), loopDelay])),
      coordinator: stats.loopDelay,
    },
  });
}
