// A GetCluster: all members or what is newer than a version, or a wait for something newer (R8, R9, V1 to V5). Part of
// stage 3 of the data path, sequential. Pure like the table.
import { answersCompletion, epochOf, isComplete } from './barrier.ts';
import type { Cluster } from './cluster.ts';
import { propertiesOf, viewOf, withheld } from './cluster-views.ts';
import type { GetClusterCommand, Reply, RosterState } from './command.ts';

const ALL_SEATS = 0xffff_ffff_ffff_ffffn;

/** Waits in a forming cluster end so often within its confirm time (V5). */
const WAITS_PER_CONFIRM_TIME = 6;

/** Answers a GetCluster, or tells it to wait. `history` is what the table's versions belong to, hex. */
export function readCluster(command: GetClusterCommand, cluster: Cluster, history: string): Reply {
  const { clientId, cursor, rosterBytesMax, sealed } = command;
  const { id } = cluster.record;
  const since = knownVersion(command, cluster, history);
  if (since !== undefined && waits(command, cluster, since)) {
    return { kind: 'waiting', clusterId: id, version: cluster.versions.version, ...cutWait(cluster) };
  }
  const changed = since === undefined ? ALL_SEATS : cluster.versions.changedSince(since);
  const shown = sealed ? changed : changed & ~withheld(cluster, clientId);
  const from = cursor?.clusterId === id ? cursor.from : 0;
  const { which, next, bytes } = cluster.roster(command.which & shown, from, rosterBytesMax, sealed);
  return {
    kind: 'roster',
    cluster: propertiesOf(cluster),
    which,
    next,
    roster: bytes,
    ...(sealed && { sealed: stateOf(cluster, clientId, changed, history) }),
    ...viewOf(cluster),
  };
}

/** The version since which a reply tells changes; undefined if it tells everything (V2). */
function knownVersion({ known }: GetClusterCommand, { versions }: Cluster, history: string): number | undefined {
  return known?.history === history && known.version <= versions.version ? known.version : undefined;
}

/** True if a request has to wait: nothing is newer than `since`, or its wait for completion goes on (V5). */
function waits({ clientId, wait }: GetClusterCommand, cluster: Cluster, since: number): boolean {
  if (!wait) return false;
  const isCurrent = since === cluster.versions.version;
  if (wait.until === 'change') return isCurrent;
  return (isCurrent || wait.resumed) && !answersCompletion(cluster, clientId);
}

function cutWait(cluster: Cluster): { readonly atMostMs?: number } {
  const { confirmMs = 0 } = cluster.record;
  if (confirmMs === 0 || isComplete(cluster)) return {};
  return { atMostMs: Math.floor(confirmMs / WAITS_PER_CONFIRM_TIME) };
}

function stateOf(cluster: Cluster, clientId: string, changed: bigint, history: string): RosterState {
  return {
    version: cluster.versions.version,
    history,
    epoch: epochOf(cluster),
    emptied: cluster.emptySeats & changed,
    rosterHash: cluster.rosterHash,
    yourSeat: cluster.seatCode(clientId),
  };
}
