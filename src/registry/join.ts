// A Join: takes the lowest free seat, or returns to the own one, perhaps with another token (R6, R13). Part of stage 3 of
// the data path, sequential. Pure like the table.
import { hasBarrier, isEnding, retryAfterMs } from './barrier.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import { propertiesOf, roundOf } from './cluster-views.ts';
import type { JoinCommand, MemberRecord, Reply } from './command.ts';
import { movesTooOften, storedEpoch, withEpoch } from './epoch.ts';
import { answer, type Outcome, refuse, refuseForNow } from './outcome.ts';
import type { TableContents } from './table-contents.ts';

/** Joins a client to a cluster at `now`, in milliseconds of the coordinator's clock. */
export function join(
  { round }: JoinCommand,
  client: Client,
  cluster: Cluster,
  contents: TableContents,
  seatsPerClient: number,
  now: number,
): Outcome {
  const { record } = client;
  const { clientId } = record;
  const seat = cluster.seatOf(clientId);
  const refused = refusalOf(client, cluster, seat, contents, now);
  if (refused) return refused;
  if (seat < 0 && client.seats.length >= seatsPerClient) return refuse('seats-per-client');
  contents.barriers.confirm(cluster, clientId, round);
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster), ...roundOf(cluster) };
  const before = cluster.seats[seat];
  if (before === record) return answer(reply);
  if (before && movesTooOften(cluster, seat, now)) return refuse('too-many-moves');
  const index = seat < 0 ? cluster.freeIndex : seat;
  const { stored } = client;
  const movedAt = cluster.movedAt.get(index);
  contents.seat(cluster.record.id, index, record, client);
  cluster.noteMove(index, before && storedEpoch(cluster) > 0 ? now : undefined);
  client.stored = true;
  const member: MemberRecord = { ...cluster.memberRecord(index), ...(contents.uses && sharedFields(cluster)) };
  const joined: Outcome = {
    reply,
    changes: stored ? [member] : [record, member],
    ...(before ? undefined : { adds: 'member' as const }),
    ...(!before && cluster.isFull && cluster.createdAt !== undefined
      ? { filledAfterMs: now - cluster.createdAt }
      : undefined),
    undo: () => {
      client.stored = stored;
      cluster.noteMove(index, movedAt);
      if (before) cluster.seat(index, before);
      else contents.unseat(cluster, index);
    },
  };
  return withEpoch(joined, cluster, contents.rosters);
}

function refusalOf(
  { record }: Client,
  cluster: Cluster,
  seat: number,
  { barriers }: TableContents,
  now: number,
): Outcome | undefined {
  if (record.endPointCount < cluster.record.endPointCount) {
    return refuse(cluster.record.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
  }
  const isNew = seat < 0;
  if ((isNew && cluster.isFull) || isEnding(cluster)) return refuseForNow('cluster-full', retryAfterMs(cluster));
  const namesake = cluster.seatNamed(record.name);
  if (namesake >= 0 && namesake !== seat) return refuseForNow('member-name-in-use', retryAfterMs(cluster));
  const isLast = cluster.memberCount === cluster.record.size - 1;
  const barredMs = isNew && isLast ? barriers.barredMs(cluster, record.clientId, record.sigKeyDigest, now) : 0;
  return barredMs > 0 ? refuseForNow('cluster-full', Math.ceil(barredMs)) : undefined;
}

/** Fields of a member's record that only a shared store needs. */
function sharedFields(cluster: Cluster): Pick<MemberRecord, 'ofClient' | 'roundState'> {
  const { roundState } = cluster;
  return { ofClient: true, ...(hasBarrier(cluster) && { roundState }) };
}
