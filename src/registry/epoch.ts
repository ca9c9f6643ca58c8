// The epoch of a complete cluster, and the roster body stored with it (W1). Pure: the bodies come from outside.
//
// Two entries of the cluster: EPOCH_KEY has the epoch, a big-endian uint64; ROSTER_KEY the body of that epoch. Invariant:
// each change of a complete cluster writes both, in the same commit.
import type { Refusal } from '../errors.ts';
import { ROSTERS_ASKED_MAX } from '../limits.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterProperties, EntryRecord, Registration } from './command.ts';
import { answer, type Effect, type Outcome, refuse } from './outcome.ts';

/** Key of the entry that has the epoch. */
export const EPOCH_KEY = '01';
/** Key of the entry that has the roster body of the epoch. */
export const ROSTER_KEY = '05';
/** `which` of all seats. */
const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;
/** A member of a complete cluster may move after so long since its last move, in milliseconds. */
const MOVE_INTERVAL_MS = 1_000;

/** The parts that a body is made of. */
export interface RosterContents {
  readonly cluster: ClusterProperties & { readonly name: string };
  readonly epoch: number;
  /** By index, up to the highest taken. */
  readonly seats: readonly (Registration | undefined)[];
  /** The body of the epoch before; undefined if there is none. */
  readonly before: Uint8Array | undefined;
}

/** Makes roster bodies. It has the clock and the hashes that the table lacks. */
export interface RosterMaker {
  make(contents: RosterContents): Uint8Array;
  /** True if the body has the registry's present term. */
  isOfTerm(body: Uint8Array): boolean;
}

/** The parts of a table that answer requests for roster bodies. */
interface RosterRequests {
  readonly rosters: RosterMaker | undefined;
  /** Epochs of the bodies asked for lately, by cluster. */
  readonly rostersAsked: Map<string, number>;
  pay(adds: 'member'): Refusal | undefined;
}

/** The stored epoch; 0 if there is none. */
export function storedEpoch(cluster: Cluster): number {
  const value = cluster.entries.get(EPOCH_KEY);
  return value ? Number(Buffer.from(value.buffer, value.byteOffset, 8).readBigUInt64BE()) : 0;
}

/**
 * Raises the epoch by one, from 0 to make the cluster complete, and writes the body of its present seats. The caller
 * has changed the seats, and stores the changes together with its own. Without `rosters` it writes no body.
 */
export function raiseEpoch(cluster: Cluster, rosters: RosterMaker | undefined): Effect {
  const { id: clusterId } = cluster.record;
  const epoch = storedEpoch(cluster) + 1;
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(epoch));
  const before = cluster.entries.get(ROSTER_KEY);
  const body = rosters?.make({ cluster: cluster.record, epoch, seats: cluster.seats, before });
  const entries: EntryRecord[] = [{ kind: 'entry', clusterId, key: EPOCH_KEY, value: number }];
  if (body) entries.push({ kind: 'entry', clusterId, key: ROSTER_KEY, value: body });
  const former = entries.map(({ key }) => [key, cluster.entries.get(key)] as const);
  for (const { key, value } of entries) cluster.setEntry(key, value);
  return {
    changes: entries,
    undo() {
      for (const [key, value] of former) {
        if (value) cluster.setEntry(key, value);
        else cluster.deleteEntry(key);
      }
    },
  };
}

/** Raises the epoch of a complete cluster whose seats have changed; has no effect on any other. */
export function raiseIfComplete(cluster: Cluster, rosters: RosterMaker | undefined): Effect {
  if (!rosters || storedEpoch(cluster) === 0) return { changes: [], undo: () => {} };
  return raiseEpoch(cluster, rosters);
}

/** Adds raiseIfComplete() to an effect that has changed seats of the cluster. */
export function withEpoch<T extends Effect>(effect: T, cluster: Cluster, rosters: RosterMaker | undefined): T {
  return withEffect(effect, raiseIfComplete(cluster, rosters));
}

/** Adds a later effect, which is stored in the same commit. */
export function withEffect<T extends Effect>(effect: T, later: Effect): T {
  if (later.changes.length === 0) return effect;
  return {
    ...effect,
    changes: [...effect.changes, ...later.changes],
    undo() {
      later.undo();
      effect.undo();
    },
  };
}

/** True if the member of this seat has moved less than a second ago, and the cluster is complete. */
export function movesTooOften(cluster: Cluster, index: number, now: number): boolean {
  const moved = cluster.movedAt.get(index);
  return moved !== undefined && now - moved < MOVE_INTERVAL_MS && storedEpoch(cluster) > 0;
}

/**
 * Answers with the body of the epoch and all members. Writes a new body first if the stored one is of a lower term: the
 * registry has been restored from a backup (W4). A body that nobody has asked for lately costs a signature in each
 * worker, so the address pays for it as for a member.
 */
export function savedRoster(cluster: Cluster, { rosters, rostersAsked, pay }: RosterRequests): Outcome {
  if (!rosters || storedEpoch(cluster) === 0) return refuse('cluster-incomplete');
  const stored = cluster.entries.get(ROSTER_KEY);
  const raised = stored && rosters.isOfTerm(stored) ? undefined : raiseEpoch(cluster, rosters);
  const { id: clusterId } = cluster.record;
  const epoch = storedEpoch(cluster);
  const isKnown = rostersAsked.get(clusterId) === epoch;
  const unpaid = isKnown ? undefined : pay('member');
  if (unpaid) {
    raised?.undo();
    return refuse(unpaid);
  }
  if (!isKnown) noteAsked(rostersAsked, clusterId, epoch);
  const body = cluster.entries.get(ROSTER_KEY)!;
  const { which, bytes } = cluster.roster(ALL_MEMBERS, 0, Infinity, true);
  const answered = answer({ kind: 'saved-roster', clusterId, body, which, roster: bytes });
  return { ...answered, ...raised, ...(!isKnown && { adds: 'member' }) };
}

function noteAsked(asked: Map<string, number>, clusterId: string, epoch: number): void {
  asked.delete(clusterId);
  asked.set(clusterId, epoch);
  if (asked.size > ROSTERS_ASKED_MAX) asked.delete(asked.keys().next().value!);
}
