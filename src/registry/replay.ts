// How a table takes over what is stored: at the start, after a loss, and from other servers. What is absorbed again is no
// change.
import { strict as assert } from 'node:assert';
import { Cluster } from './cluster.ts';
import type { ClientRecord, Learned, Registration, StoredRecord } from './command.ts';
import { wholeSeconds } from './lease-tracker.ts';
import type { TableContents } from './table-contents.ts';

/** Takes over that everything is otherwise. Clients that are not stored stay, unless somebody else has their ID. */
export function reset(contents: TableContents, records: readonly StoredRecord[], now: number): void {
  const unstored = [...contents.clients.values()].filter(({ stored }) => !stored);
  contents.clear();
  for (const record of records) replay(contents, record, now);
  for (const client of unstored) {
    const { clientId } = client.record;
    if (!contents.clients.has(clientId)) contents.clients.set(clientId, client);
  }
}

/**
 * Takes a change over as it is. Where another server may have made it, it counts as a use `now`, in milliseconds, and what was
 * stored before something of ours may come after it: then a member may be of a cluster that is gone, and is gone with it.
 */
export function replay(contents: TableContents, change: Learned, now: number): void {
  const { clients, clustersById, clustersByName, uses } = contents;
  switch (change.kind) {
    case 'client': {
      const known = clients.get(change.clientId);
      if (known && isSameClient(known.record, change)) known.stored = true;
      else contents.setClient(change, true, now);
      markUsed(contents, change.clientId, now);
      return;
    }
    case 'cluster': {
      const displaced = clustersByName.get(change.name);
      if (displaced?.record.id === change.id) {
        if (displaced.record.keep !== change.keep) displaced.record = change;
        return;
      }
      if (displaced) contents.removeCluster(displaced);
      contents.addCluster(new Cluster(change, now));
      return;
    }
    case 'member': {
      if (isGone(contents, change.clusterId)) return;
      const client = clients.get(change.clientId);
      const seated = clustersById.get(change.clusterId)?.seats[change.index];
      if (seated && isSameRegistration(seated, change)) return;
      markUsed(contents, change.clusterId, now);
      const ofClient = client && isSameRegistration(client.record, change);
      contents.seat(change.clusterId, change.index, ofClient ? client.record : change, client);
      return;
    }
    case 'seat': {
      const client = clients.get(change.clientId);
      if (isGone(contents, change.clusterId) || (uses && !client)) return;
      assert(client, 'a seat without a registration has a client');
      markUsed(contents, change.clusterId, now);
      contents.seat(change.clusterId, change.index, client.record, client);
      return;
    }
    case 'use':
      uses?.hold(change.id);
      markUsed(contents, change.id, now);
      return;
    case 'use-over':
      uses?.letGo(change.id);
      return;
    case 'seat-empty': {
      const cluster = clustersById.get(change.clusterId);
      if (cluster?.seats[change.index]) leave(contents, cluster, change.index, now);
      return;
    }
    case 'client-removal':
      clients.delete(change.clientId);
      return;
    case 'cluster-removal': {
      const cluster = clustersById.get(change.id);
      if (cluster) contents.removeCluster(cluster);
      return;
    }
    case 'member-removal': {
      const cluster = clustersById.get(change.clusterId);
      if (cluster && cluster.seatOf(change.clientId) === change.index) leave(contents, cluster, change.index, now);
      return;
    }
  }
}

/** A member has left. Its cluster's time without a member counts from now. */
function leave(contents: TableContents, cluster: Cluster, index: number, now: number): void {
  contents.unseat(cluster, index);
  if (cluster.memberCount === 0) cluster.lastUse = now;
}

/** Of a shared table: we have removed it, and hear only now of what was stored before that. IDs do not come again. */
function isGone({ uses, clustersById }: TableContents, clusterId: string): boolean {
  return uses !== undefined && !clustersById.has(clusterId);
}

/** All servers on the store know of this use. */
function markUsed({ uses, clients, clustersById }: TableContents, id: string, now: number): void {
  if (!uses) return;
  const used = clients.get(id) ?? clustersById.get(id);
  if (!used) return;
  used.lastUse = now;
  used.toldUse = wholeSeconds(now);
}

/** Whether a record is as it is stored already. */
function isSameClient(known: ClientRecord, record: ClientRecord): boolean {
  return (
    known.ephemeral === record.ephemeral &&
    known.endPointCount === record.endPointCount &&
    known.sigKeyDigest === record.sigKeyDigest &&
    isSameRegistration(known, record)
  );
}

function isSameRegistration(one: Registration, other: Registration): boolean {
  return one.clientId === other.clientId && one.name === other.name && Buffer.compare(one.token, other.token) === 0;
}
