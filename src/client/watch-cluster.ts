// A watch that outlives the server it began with: when that is gone it goes on in a session with another one. Invariant:
// each member is yielded once, over however many sessions.
import type { ClusterMember, ClusterRef } from './cluster.ts';
import { pause } from './deadline.ts';
import { isServerGone } from './errors.ts';
import type { RegistrySession } from './registry-session.ts';
import { type WatchOptions, watchMembers } from './watch-members.ts';

/** How to watch, and how long to look for another server. */
export interface WatchClusterOptions extends WatchOptions {
  /** Milliseconds without any server after which the watch gives up, default 30,000. */
  readonly reopenMs?: number | undefined;
  /** Told of the session that was lost, and why, before another is opened. */
  readonly onLost?: ((address: string, why: Error) => void) | undefined;
}

const REOPEN_MS = 30_000;
/** Between two attempts; each of them tries every end point. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** Makes a session that has identified itself; aborted, the signal ends it and the making of it. */
export type OpenSession = (signal: AbortSignal | undefined) => Promise<RegistrySession>;

/**
 * Yields the members of a cluster as RegistrySession.members() does, in a session that has identified itself. `open` makes
 * another such session with the same registry, under the same ID; it is called when the one before was lost, also to a
 * server that stops (S7). Rejects with the last failure when there was no reply for reopenMs, and at once with an error
 * that is about the question. Sessions that it opened are closed at its end; the first one is the caller's.
 */
export async function* watchCluster(
  first: RegistrySession,
  cluster: ClusterRef,
  open: OpenSession,
  options: WatchClusterOptions = {},
): AsyncGenerator<ClusterMember, void, void> {
  const { signal, reopenMs = REOPEN_MS, onLost } = options;
  let session = first;
  let over = false;
  const ask = async (which: bigint) => {
    let end = Infinity;
    for (;;) {
      try {
        return await session.cluster(cluster, which);
      } catch (error) {
        if (!isServerGone(error) || performance.now() > end) throw error;
        end = Math.min(end, performance.now() + reopenMs);
        onLost?.(session.address, error as Error);
        session = await reopened(open, end, signal);
        if (over) session.close();
      }
    }
  };
  try {
    yield* watchMembers(ask, options);
  } finally {
    over = true;
    if (session !== first) await session[Symbol.asyncDispose]();
  }
}

async function reopened(open: OpenSession, end: number, signal: AbortSignal | undefined): Promise<RegistrySession> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    try {
      return await open(signal);
    } catch (error) {
      if (!isServerGone(error) || performance.now() + pauseMs > end) throw error;
    }
    await pause(pauseMs, signal);
  }
}
