// Takes and empties seats, in memory at once, with the changes to store and the undo. Part of stage 3 of the data path,
// sequential. Pure like the table.
import { type JoinRight, recordJoin } from './admission.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { MemberRecord, Registration } from './command.ts';
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
  const own = cluster.seatOf(record.clientId);
  const index = right.replaces ?? (own < 0 ? cluster.freeIndex : own);
  const before = cluster.seats[index];
  const former = right.replaces === undefined ? undefined : before;
  const edits = recordJoin(cluster, record, right, former, { time, clients, shared: uses !== undefined });
  if (former) startIdleTime(contents, former, now);
  contents.seat(cluster.record.id, index, record, client);
  client.stored = true;
  const member: MemberRecord = {
    ...cluster.memberRecord(index),
    ...(uses && { ofClient: true }),
    ...(former && { replaces: former.clientId }),
  };
  const { createdAt } = cluster;
  const filled = !before && cluster.isFull && createdAt !== undefined;
  return {
    changes: [...(stored ? [] : [record]), member, ...edits.changes],
    ...(own < 0 && { adds: 'member' }),
    ...(filled && { filledAfterMs: now - createdAt }),
    audits: auditsOf(record.name, right),
    undo: () => {
      client.stored = stored;
      if (!before) contents.unseat(cluster, index);
      else if (former) contents.seat(cluster.record.id, index, former, clients.get(former.clientId));
      else cluster.seat(index, before);
      edits.undo();
    },
  };
}

/** Empties a taken seat, because its member was evicted or has left; `also` is part of the same change. */
export function vacateSeat(
  contents: TableContents,
  cluster: Cluster,
  index: number,
  now: number,
  also?: Effect,
): Effect {
  const former = cluster.seats[index]!;
  const { clientId } = former;
  const { id } = cluster.record;
  startIdleTime(contents, former, now);
  contents.unseat(cluster, index);
  if (cluster.memberCount === 0) cluster.lastUse = now;
  // Refilling would distort the fill time.
  cluster.createdAt = undefined;
  return {
    changes: [{ kind: 'member-removal', clusterId: id, index, clientId }, ...(also?.changes ?? [])],
    undo: () => {
      contents.seat(id, index, former, contents.clients.get(clientId));
      also?.undo();
    },
  };
}

/**
 * Starts the idle time of a client that loses its seat. Workers answer members from the roster cache, so the table may
 * not have seen their last uses.
 */
export function startIdleTime({ clients }: TableContents, { clientId }: Registration, now: number): void {
  const client = clients.get(clientId);
  if (client) client.lastUse = now;
}

/** What the audit log has of a Join, beside the seat that it takes. */
function auditsOf(member: string, { use, replaces }: JoinRight): AuditedEvent[] {
  return [
    ...(use ? [{ action: 'join-token-use' as const, member, joinToken: use.hash }] : []),
    ...(replaces === undefined ? [] : [{ action: 'replace' as const, member }]),
  ];
}
