// Follows a cluster in the sealed dialect: asks for what is newer than the version it has, and lets the registry hold the
// answer back until there is something (V5). Invariants: the seats of this watch are those of one version, which
// RosterHash proves. A watching member is among them.
import { type ClusterMember, hasSeat, isSameMember } from './cluster.ts';
import { pause } from './deadline.ts';
import { ProtocolError } from './errors.ts';
import { jitter } from './retry.ts';
import { type ChangesRequest, type KnownRoster, type RosterChanges, rosterHashOf } from './roster-changes.ts';
import { lossOf } from './seats.ts';
import type { OwnSeat, WatchedRoster, WatchOptions } from './watch-members.ts';

/** The requests of a watch of the sealed dialect. */
export interface ChangesSource {
  /** Longest wait of the present session in milliseconds; 0 if it answers at once. */
  readonly maxWaitMs: number;
  changes(request: ChangesRequest): Promise<RosterChanges>;
}

/** Longest wait of one request. A registry that dies unnoticed is given up after twice this time. */
const WAIT_MS = 60_000;
/**
 * Members that start together join within a moment. After one has come, the next request waits for completion and at
 * most this long, so a forming cluster takes a request of each member per interval instead of one per Join.
 */
const GATHER_MS = 500;
/** Pauses where the registry answers at once: the first, and after those without news. */
const [FIRST_PAUSE_MS, PAUSE_GROWTH, LONGEST_PAUSE_MS] = [20, 1.5, 1_000];

/** Yields rosters as watchMembers() does. */
export async function* followMembers(
  source: ChangesSource,
  options: WatchOptions,
  own: OwnSeat | undefined,
): AsyncGenerator<WatchedRoster, void, void> {
  const { wait = true, follow = false, pollMs = LONGEST_PAUSE_MS, signal } = options;
  const seats = new FollowedSeats(options);
  let pauseMs = Math.min(FIRST_PAUSE_MS, pollMs);
  let request: ChangesRequest = { known: undefined, waitMs: 0, until: 'change' };
  for (;;) {
    signal?.throwIfAborted();
    const changes = await source.changes(request);
    const news = seats.apply(changes);
    if (!seats.agreesWith(changes)) {
      if (request.known === undefined) throw new ProtocolError('the registry sent a roster with a wrong hash');
      request = { known: undefined, waitMs: 0, until: 'change' };
      continue;
    }
    if (own && !own.see(seats.members)) throw lossOf(changes.yourSeat);
    options.onRoster?.(changes);
    const complete = isComplete(changes, seats);
    yield { ...changes, members: seats.members, news, settled: complete };
    if (!wait || (complete && !follow)) return;
    const waitMs = changes.known ? Math.min(source.maxWaitMs, options.waitMs ?? WAIT_MS) : 0;
    request = requestAfter(changes.known, waitMs, news.length > 0 && !complete);
    if (waitMs > 0) continue;
    pauseMs = Math.min(news.length > 0 ? FIRST_PAUSE_MS : pauseMs * PAUSE_GROWTH, pollMs);
    await pause(pauseMs * jitter(), signal);
  }
}

/** With `gathering`, more members may come at any moment. */
function requestAfter(known: KnownRoster | undefined, waitMs: number, gathering: boolean): ChangesRequest {
  if (gathering) return { known, waitMs: Math.min(waitMs, GATHER_MS), until: 'complete' };
  return { known, waitMs, until: 'change' };
}

function isComplete({ epoch, size }: RosterChanges, { members }: FollowedSeats): boolean {
  return epoch === undefined ? size !== undefined && members.length >= size : epoch > 0;
}

/** Seats of a cluster at one version. BOUNDED: 64. */
class FollowedSeats {
  readonly #options: WatchOptions;
  readonly #members = new Map<number, ClusterMember>();
  readonly #digests = new Map<number, Buffer>();
  #clusterId: string | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** By ascending index. */
  get members(): readonly ClusterMember[] {
    return [...this.#members.values()].sort((one, other) => one.index - other.index);
  }

  /** Applies an answer. Returns new and changed members. */
  apply({ clusterId, size, members, emptied, digests }: RosterChanges): ClusterMember[] {
    const { onLeft, onReplaced, onCluster } = this.#options;
    const isNew = clusterId !== this.#clusterId;
    for (const index of [...this.#members.keys()]) {
      if (!isNew && !hasSeat(emptied, index)) continue;
      this.#members.delete(index);
      this.#digests.delete(index);
      onLeft?.(index);
    }
    this.#clusterId = clusterId;
    if (isNew) onCluster?.({ clusterId, size });
    const news = members.filter((member) => !isSameMember(this.#members.get(member.index), member));
    for (const [place, member] of members.entries()) {
      const former = this.#members.get(member.index);
      if (former && former.id !== member.id) onReplaced?.(former, member);
      this.#members.set(member.index, member);
      this.#digests.set(member.index, digests[place]!);
    }
    return news;
  }

  /** True if the seats have the hash that the answer tells. */
  agreesWith({ clusterId, rosterHash }: RosterChanges): boolean {
    return rosterHash === undefined || rosterHashOf(clusterId, this.#digests).equals(rosterHash);
  }
}
