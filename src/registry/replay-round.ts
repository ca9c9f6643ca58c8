// Applies what is known of rounds to the table, and empties seats.
import { giveBack } from './admission.ts';
import { BARRED_MS, COMPLETE } from './barrier.ts';
import type { Cluster } from './cluster.ts';
import type { LossReason } from './cluster-versions.ts';
import type { Learned } from './command.ts';
import type { Effect } from './outcome.ts';
import type { RoundChange } from './round-change.ts';
import type { TableContents } from './table-contents.ts';

/** A stored change of a round, or what another server has written. */
type RoundNews = RoundChange | Extract<Learned, { kind: 'round-state' | 'confirmed' }>;

/** Applies news of a round. A cluster that is gone has none. */
export function replayRound(contents: TableContents, news: RoundNews, now: number): void {
  const { barriers, clustersById } = contents;
  const cluster = clustersById.get(news.clusterId);
  if (!cluster) return;
  switch (news.kind) {
    case 'round-state':
      return barriers.setState(cluster, news.state, now);
    case 'round':
      return barriers.setState(cluster, news.after, now);
    case 'completion':
      return barriers.setState(cluster, COMPLETE, now);
    case 'confirmed':
      return barriers.confirmed(cluster, news.clientId, news.state);
    case 'confirmation':
      return barriers.confirmed(cluster, news.clientId, news.round);
    case 'round-end':
      barriers.setState(cluster, news.after, now);
      for (const { index, clientId } of news.seats) {
        if (cluster.seats[index]?.clientId === clientId) expireSeat(contents, cluster, index, now);
      }
  }
}

/** Empties a seat for a round as expireSeat() does, and gives back the use of a join token that admitted it (A3). */
export function expireAdmitted(contents: TableContents, cluster: Cluster, index: number, now: number): Effect {
  const client = contents.clients.get(cluster.seats[index]!.clientId);
  const given = client && giveBack(cluster, client.record.sigKeyDigest);
  const restoreSeat = expireSeat(contents, cluster, index, now);
  return {
    changes: given?.changes ?? [],
    undo() {
      restoreSeat();
      given?.undo();
    },
  };
}

/** Empties a seat for a round, and bars its client from the last seat for a while. Returns the undo. */
export function expireSeat(contents: TableContents, cluster: Cluster, index: number, now: number): () => void {
  const member = cluster.seats[index]!;
  const client = contents.clients.get(member.clientId);
  leave(contents, cluster, index, now, 'expired');
  if (client) client.lastUse = now;
  const sigKeyDigest = client?.record.sigKeyDigest;
  contents.barriers.bar(cluster, [{ clientId: member.clientId, sigKeyDigest, until: now + BARRED_MS }], now);
  return () => contents.seat(cluster.record.id, index, member, client);
}

/**
 * Empties a seat. An empty cluster's time to live starts at `now`. Other servers do not tell why a seat is empty; mostly
 * an eviction is the reason.
 */
export function leave(
  contents: TableContents,
  cluster: Cluster,
  index: number,
  now: number,
  why: LossReason = 'evicted',
): void {
  contents.unseat(cluster, index, why);
  if (cluster.memberCount === 0) cluster.lastUse = now;
}
