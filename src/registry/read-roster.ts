// Answers GetCluster from one cluster: everything, what has changed since a version, or that nothing is newer (V2, V5).
import type { Cluster } from './cluster.ts';
import type { ClusterProperties, GetClusterCommand, Reply, RosterState } from './command.ts';

const ALL_SEATS = 0xffff_ffff_ffff_ffffn;

/** Properties of a cluster for a reply. */
export function propertiesOf({ record }: Cluster): ClusterProperties {
  return { id: record.id, size: record.size, endPointCount: record.endPointCount, attrs: record.attrs };
}

/** The reply to a GetCluster of this cluster. `history` is what versions of this table belong to, hex. */
export function readRoster(cluster: Cluster, command: GetClusterCommand, history: string): Reply {
  const properties = propertiesOf(cluster);
  const since = knownVersion(cluster, command, history);
  if (since !== undefined && waits(cluster, command, since)) {
    return { kind: 'waiting', clusterId: properties.id, version: cluster.versions.version };
  }
  const changed = since === undefined ? ALL_SEATS : cluster.versions.changedSince(since);
  const from = command.cursor?.clusterId === properties.id ? command.cursor.from : 0;
  const { which, next, bytes } = cluster.roster(command.which & changed, from, command.rosterBytesMax, command.sealed);
  return {
    ...{ kind: 'roster', cluster: properties, which, next, roster: bytes },
    ...(command.sealed && { sealed: stateOf(cluster, command.clientId, changed, history) }),
  };
}

/** The version since which a reply tells changes; undefined if it tells everything (V2). */
function knownVersion(cluster: Cluster, { known }: GetClusterCommand, history: string): number | undefined {
  const isOurs = known?.history === history && known.version <= cluster.versions.version;
  return isOurs ? known.version : undefined;
}

/** True if a request has to wait: nothing is newer than `since`, or its wait for completion goes on (V5). */
function waits(cluster: Cluster, { clientId, wait }: GetClusterCommand, since: number): boolean {
  if (!wait) return false;
  const isCurrent = since === cluster.versions.version;
  if (wait.until === 'change') return isCurrent;
  return (isCurrent || wait.resumed) && !cluster.answersCompletion(clientId);
}

function stateOf(cluster: Cluster, clientId: string, changed: bigint, history: string): RosterState {
  return {
    version: cluster.versions.version,
    history,
    epoch: cluster.epoch,
    emptied: cluster.emptySeats & changed,
    rosterHash: cluster.rosterHash,
    yourSeat: cluster.seatCode(clientId),
  };
}
