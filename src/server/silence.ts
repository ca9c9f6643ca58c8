// The time for which threads of a server have given no sign of life.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import type { Pool } from '../pool/pool.ts';
import { monotonicSeconds } from '../runtime/thread-stats.ts';

interface Threads {
  readonly coordinator: Pick<CoordinatorThread, 'stats'> | undefined;
  readonly pool: Pick<Pool, 'silentMs'> | undefined;
  readonly draining: boolean;
}

/** The longest silence of a thread, in milliseconds. 0 during a drain, in which the threads end. */
export function longestSilenceMs({ coordinator, pool, draining }: Threads): number {
  if (draining) return 0;
  const coordinatorMs = coordinator ? (monotonicSeconds() - coordinator.stats.thread.read().at) * 1000 : 0;
  return Math.max(0, coordinatorMs, pool?.silentMs ?? 0);
}
