// Watches a cluster in the way of the session's dialect: follows its versions, or polls.
import type { ClusterMember, Roster } from './cluster.ts';
import { type ChangesSource, followMembers } from './follow-members.ts';
import type { PromptGenerator } from './prompt-end.ts';
import { OwnSeat, type WatchedRoster, type WatchOptions, watchMembers } from './watch-members.ts';

/** Members as they appear and change. `await using` ends the watch; so does leaving `for await`. */
export type MemberWatch = PromptGenerator<ClusterMember>;

/** The requests of a watch, in whichever session it has. */
export interface WatchSource extends ChangesSource {
  /** True if the sessions of the watch are of the sealed dialect, which alone has changes(). */
  readonly isSealed: boolean;
  /** Sends one GetCluster with a `Which`. */
  cluster(which: bigint): Promise<Roster>;
}

/** Yields members as RegistrySession.members() does. */
export async function* membersOf(
  rosters: AsyncGenerator<WatchedRoster, void, void>,
): AsyncGenerator<ClusterMember, void, void> {
  for await (const { news } of rosters) yield* news;
}

/** Yields the roster after each reply. The source rejects when options.signal is aborted. */
export function watch(
  source: WatchSource,
  options: WatchOptions,
  own = options.memberId === undefined ? undefined : new OwnSeat(options.memberId),
): AsyncGenerator<WatchedRoster, void, void> {
  if (source.isSealed) return followMembers(source, options, own);
  return watchMembers((which) => source.cluster(which), options, own);
}
