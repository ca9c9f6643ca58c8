// A Join: takes the lowest free seat, replaces a member, or returns to the own seat, perhaps with another token (R6, R13,
// A3, A5). Part of stage 3 of the data path, sequential. Pure like the table.
import { type JoinRight, judgeJoin, refuseAdmission } from './admission.ts';
import { isComplete, isEnding, retryAfterMs } from './barrier.ts';
import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import { propertiesOf, roundOf } from './cluster-views.ts';
import type { JoinCommand, Reply } from './command.ts';
import { movesTooOften, raiseEpoch, withEffect, withEpoch } from './epoch.ts';
import { answer, type Outcome, refuse, refuseForNow } from './outcome.ts';
import { takeSeat } from './seating.ts';
import type { TableContents } from './table-contents.ts';

/** Joins a client to a cluster at `now`, in milliseconds of the coordinator's clock. */
export function join(
  { round, claim }: JoinCommand,
  client: Client,
  cluster: Cluster,
  contents: TableContents,
  seatsPerClient: number,
  now: number,
): Outcome {
  const { record } = client;
  const { clientId } = record;
  if (record.endPointCount < cluster.record.endPointCount) {
    return refuse(cluster.record.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
  }
  const right = judgeJoin(cluster, record, claim, contents.clients);
  if (typeof right === 'string') return refuseAdmission(cluster, right, claim, contents.clients);
  const seat = cluster.seatOf(clientId);
  const refused = refusalOf(client, cluster, seat, right, contents, now);
  if (refused) return refused;
  if (seat < 0 && client.seats.length >= seatsPerClient) return refuse('seats-per-client');
  contents.barriers.confirm(cluster, clientId, round);
  const before = cluster.seats[seat];
  if (before === record && !right.use) return answer(replyOf(cluster));
  if (before && movesTooOften(cluster, seat, now)) return refuse('too-many-moves');
  const unpaid = seat < 0 ? contents.pay('member') : undefined;
  if (unpaid) return refuse(unpaid);
  const seated = takeSeat(contents, client, cluster, right, { now, time: claim?.time ?? 0 });
  return withCompletion({ reply: replyOf(cluster), ...seated }, cluster, contents);
}

/**
 * Completes a cluster without a confirm time in the commit of the Join that fills it (Q1). On a shared store the
 * completion is a change of its own, because it has conditions on every seat.
 */
function withCompletion(joined: Outcome, cluster: Cluster, { uses, rosters }: TableContents): Outcome {
  const completes = cluster.record.confirmMs === 0 && cluster.isFull && !isComplete(cluster);
  if (!completes || uses || !rosters) return withEpoch(joined, cluster, rosters);
  return { completes, ...withEffect(joined, raiseEpoch(cluster, rosters)) };
}

/** The refusals for want of a seat. A replacement needs none, but waits for a round to end. */
function refusalOf(
  { record }: Client,
  cluster: Cluster,
  seat: number,
  { replaces }: JoinRight,
  { barriers }: TableContents,
  now: number,
): Outcome | undefined {
  const isNew = seat < 0 && replaces === undefined;
  if ((isNew && cluster.isFull) || isEnding(cluster)) return refuseForNow('cluster-full', retryAfterMs(cluster));
  if (replaces !== undefined) return undefined;
  const namesake = cluster.seatNamed(record.name);
  if (namesake >= 0 && namesake !== seat) return refuseForNow('member-name-in-use', retryAfterMs(cluster));
  const isLast = cluster.memberCount === cluster.record.size - 1;
  const barredMs = isNew && isLast ? barriers.barredMs(cluster, record.clientId, record.sigKeyDigest, now) : 0;
  return barredMs > 0 ? refuseForNow('cluster-full', Math.ceil(barredMs)) : undefined;
}

function replyOf(cluster: Cluster): Reply {
  return { kind: 'cluster', cluster: propertiesOf(cluster), ...roundOf(cluster) };
}
