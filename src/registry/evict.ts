// An eviction: an operator empties a seat, which ends a round (R14, Q7). Part of stage 3 of the data path, sequential.
import { hasBarrier } from './barrier.ts';
import type { Cluster } from './cluster.ts';
import { propertiesOf } from './cluster-views.ts';
import type { MemberSelector, Registration } from './command.ts';
import { withEpoch } from './epoch.ts';
import { type Outcome, refuse } from './outcome.ts';
import type { TableContents } from './table-contents.ts';

/** Evicts a member at `now`, in milliseconds of the coordinator's clock. */
export function evict(cluster: Cluster, member: MemberSelector, contents: TableContents, now: number): Outcome {
  const index = 'id' in member ? cluster.seatOf(member.id) : cluster.seatNamed(member.name);
  const evicted = cluster.seats[index];
  if (!evicted) return refuse('client-unknown');
  const { clientId } = evicted;
  const { id } = cluster.record;
  const { roundState } = cluster;
  losesSeat(contents, evicted, now);
  contents.unseat(cluster, index, 'evicted');
  const restoreRound = contents.barriers.endRound(cluster);
  if (cluster.memberCount === 0) cluster.lastUse = now;
  // Refilling after an eviction would distort the fill time.
  cluster.createdAt = undefined;
  const round = contents.uses && hasBarrier(cluster) ? { roundState } : undefined;
  const removed: Outcome = {
    reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
    changes: [{ kind: 'member-removal', clusterId: id, index, clientId, ...round }],
    undo: () => {
      contents.seat(id, index, evicted, contents.clients.get(clientId));
      restoreRound();
    },
  };
  return withEpoch(removed, cluster, contents.rosters);
}

/**
 * Starts the idle time of a client that loses its seat. Workers answer members from the roster cache, so the table may
 * not have seen their last uses.
 */
export function losesSeat({ clients }: TableContents, { clientId }: Registration, now: number): void {
  const client = clients.get(clientId);
  if (client) client.lastUse = now;
}
