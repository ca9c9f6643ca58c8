// Watching a cluster fill up: asks again and again for the members not yet seen, often at first, then less and less.
import { ALL_MEMBERS, type ClusterMember, hasSeat, type Roster } from './cluster.ts';
import { pause, untilAborted } from './deadline.ts';

/** How to watch. */
export interface WatchOptions {
  /**
   * Longest pause between two questions, in milliseconds; default 1,000. The first is 20, or this if shorter. A registry
   * closes sessions that ask for nothing for half a minute (F8).
   */
  readonly pollMs?: number | undefined;
  /** With `false` the watch ends with the members there are now. Default: it goes on until the cluster is full. */
  readonly wait?: boolean | undefined;
  /** Ends the watch, though not the session, by a rejection with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 20;
const PAUSE_GROWTH = 1.5;
const LONGEST_PAUSE_MS = 1_000;

/** Yields each member once, within one reply by ascending index. `ask` takes a `Which` and makes one GetCluster of it. */
export async function* watchMembers(
  ask: (which: bigint) => Promise<Roster>,
  { pollMs = LONGEST_PAUSE_MS, wait = true, signal }: WatchOptions,
): AsyncGenerator<ClusterMember, void, void> {
  let missing = ALL_MEMBERS;
  let pauseMs = Math.min(FIRST_PAUSE_MS, pollMs);
  for (;;) {
    signal?.throwIfAborted();
    const { size, members } = await untilAborted(ask(missing), signal);
    if (size !== undefined) missing &= (1n << BigInt(size)) - 1n;
    const news = members.filter(({ index }) => hasSeat(missing, index));
    for (const member of news) {
      missing &= ~(1n << BigInt(member.index));
      yield member;
    }
    if (missing === 0n) return;
    if (!wait && news.length === 0) return;
    if (!wait) continue;
    // Where there is news there may be more: those who join together, and those one reply had no room for.
    pauseMs = Math.min(news.length > 0 ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, pollMs);
    await pause(pauseMs * jitter(), signal);
  }
}

/** 0.75 to 1.25, so that those who began together do not go on together. */
function jitter(): number {
  return 0.75 + Math.random() / 2;
}
