// Takes and empties seats, in memory at once, with the changes to store and the undo. Part of stage 3 of the data path,
// sequential. Pure like the table.
import { type JoinRight, recordJoin } from './admission.ts';
import { hasBarrier } from './barrier.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { LossReason } from './cluster-versions.ts';
import type { MemberRecord, Registration } from './command.ts';
import { storedEpoch, withEpoch } from './epoch.ts';
import type { AuditedEvent, Effect, Outcome } from './outcome.ts';
import type { TableContents } from './table-contents.ts';

/** The time of a command. */
export interface CommandTime {
  /** Milliseconds on the clock of the coordinator. */
  readonly now: number;
  /** Milliseconds since 1970 at the worker; 0 where the command has none. */
  readonly time: number;
}

/** Gives a client a seat, or its seat the client's registration, and records the use of a join token. */
export function takeSeat(
  contents: TableContents,
  client: Client,
  cluster: Cluster,
  right: JoinRight,
  { now, time }: CommandTime,
): Omit<Outcome, 'reply'> {
  const { record, stored } = client;
  const { clients, uses } = contents;
  const { roundState, createdAt } = cluster;
  const own = cluster.seatOf(record.clientId);
  const index = right.replaces ?? (own < 0 ? cluster.freeIndex : own);
  const before = cluster.seats[index];
  const former = right.replaces === undefined ? undefined : before;
  const movedAt = cluster.movedAt.get(index);
  const edits = recordJoin(cluster, record, right, former, { time, clients, shared: uses !== undefined });
  const restoreFormer = former && makeRoom(contents, cluster, index, now);
  contents.seat(cluster.record.id, index, record, client);
  cluster.noteMove(index, own >= 0 && storedEpoch(cluster) > 0 ? now : undefined);
  client.stored = true;
  const member: MemberRecord = {
    ...cluster.memberRecord(index),
    ...(uses && { ofClient: true, ...(hasBarrier(cluster) && { roundState }) }),
    ...(former && { replaces: former.clientId }),
  };
  const filled = !before && cluster.isFull && createdAt !== undefined;
  return {
    changes: [...(stored ? [] : [record]), member, ...edits.changes],
    ...(own < 0 && { adds: 'member' }),
    ...(filled && { filledAfterMs: now - createdAt }),
    audits: auditsOf(record.name, right),
    undo: () => {
      client.stored = stored;
      if (before && !former) cluster.seat(index, before);
      else contents.unseat(cluster, index);
      restoreFormer?.();
      cluster.noteMove(index, movedAt);
      edits.undo();
    },
  };
}

/** Takes the seat from a member that is replaced, which ends a round (Q7). Returns the undo. */
function makeRoom(contents: TableContents, cluster: Cluster, index: number, now: number): () => void {
  const former = cluster.seats[index]!;
  startIdleTime(contents, former, now);
  contents.unseat(cluster, index, 'replaced');
  const restoreRound = contents.barriers.endRound(cluster);
  return () => {
    contents.seat(cluster.record.id, index, former, contents.clients.get(former.clientId));
    restoreRound();
  };
}

/** The circumstances in which a seat is emptied. */
export interface Vacating {
  /** Milliseconds on the clock of the coordinator. */
  readonly now: number;
  readonly why: LossReason;
  /** Part of the same change. */
  readonly also?: Effect;
}

/** Empties a taken seat. That ends a round (Q7), and raises the epoch of a complete cluster (W1). */
export function vacateSeat(
  contents: TableContents,
  cluster: Cluster,
  index: number,
  { now, why, also }: Vacating,
): Effect {
  const former = cluster.seats[index]!;
  const { clientId } = former;
  const { id } = cluster.record;
  const { roundState } = cluster;
  startIdleTime(contents, former, now);
  contents.unseat(cluster, index, why);
  const restoreRound = contents.barriers.endRound(cluster);
  if (cluster.memberCount === 0) cluster.lastUse = now;
  // Refilling would distort the fill time.
  cluster.createdAt = undefined;
  const round = contents.uses && hasBarrier(cluster) ? { roundState } : undefined;
  const vacated: Effect = {
    changes: [{ kind: 'member-removal', clusterId: id, index, clientId, ...round }, ...(also?.changes ?? [])],
    undo: () => {
      contents.seat(id, index, former, contents.clients.get(clientId));
      restoreRound();
      also?.undo();
    },
  };
  return withEpoch(vacated, cluster, contents.rosters);
}

/**
 * Starts the idle time of a client that loses its seat. Workers answer members from the roster cache, so the table may
 * not have seen their last uses.
 */
export function startIdleTime({ clients }: TableContents, { clientId }: Registration, now: number): void {
  const client = clients.get(clientId);
  if (client) client.lastUse = now;
}

/** Events of a Join for the audit log, beside the seat that it takes. */
function auditsOf(member: string, { use, replaces }: JoinRight): AuditedEvent[] {
  return [
    ...(use ? [{ action: 'join-token-use' as const, member, joinToken: use.hash }] : []),
    ...(replaces === undefined ? [] : [{ action: 'replace' as const, member }]),
  ];
}
