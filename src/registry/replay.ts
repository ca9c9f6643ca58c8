// Applies stored records to the table: at the start, in a catch-up, and after a conflict. Replay is idempotent.
import { strict as assert } from 'node:assert';
import { Cluster } from './cluster.ts';
import type { ClientRecord, Learned, Registration, StoredRecord } from './command.ts';
import { wholeSeconds } from './lease-tracker.ts';
import type { TableContents } from './table-contents.ts';

/** Replaces the whole table with `records`. Clients that are not stored stay, unless a stored one has their ID. */
export function reset(contents: TableContents, records: readonly StoredRecord[], now: number): void {
  const unstored = [...contents.clients.values()].filter(({ stored }) => !stored);
  contents.clear();
  for (const record of records) replay(contents, record, now);
  for (const client of unstored) {
    const { clientId } = client.record;
    if (!contents.clients.has(clientId)) contents.putClient(client);
  }
}

/**
 * Applies a stored record. On a shared store the record counts as a use at `now`, in milliseconds. There, an older
 * record of another server may arrive after our own removal of its cluster: such members and entries are dropped.
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
    case 'entry': {
      if (isGone(contents, change.clusterId)) return;
      const cluster = clustersById.get(change.clusterId);
      assert(cluster, 'an entry has a cluster');
      markUsed(contents, change.clusterId, now);
      cluster.setEntry(change.key, change.value);
      return;
    }
    case 'entry-removal':
      clustersById.get(change.clusterId)?.deleteEntry(change.key);
      return;
    case 'use':
      uses?.hold(change.id);
      markUsed(contents, change.id, now);
      return;
    case 'use-over':
      uses?.release(change.id);
      return;
    case 'seat-empty': {
      const cluster = clustersById.get(change.clusterId);
      if (cluster?.seats[change.index]) leave(contents, cluster, change.index, now);
      return;
    }
    case 'client-removal':
      contents.deleteClient(change.clientId);
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

/** Empties a seat. An empty cluster's time to live starts at `now`. */
function leave(contents: TableContents, cluster: Cluster, index: number, now: number): void {
  // Other servers do not tell why. Evictions and displacements empty seats.
  contents.unseat(cluster, index, 'evicted');
  if (cluster.memberCount === 0) cluster.lastUse = now;
}

/** True if this server has removed the cluster and the record is older. Cluster IDs are never reused. */
function isGone({ uses, clustersById }: TableContents, clusterId: string): boolean {
  return uses !== undefined && !clustersById.has(clusterId);
}

/** Records a use that all servers on the store know of. */
function markUsed({ uses, clients, clustersById }: TableContents, id: string, now: number): void {
  if (!uses) return;
  const used = clients.get(id) ?? clustersById.get(id);
  if (!used) return;
  used.lastUse = now;
  used.announcedUse = wholeSeconds(now);
}

/** True if the stored record is unchanged. */
function isSameClient(known: ClientRecord, record: ClientRecord): boolean {
  return (
    known.ephemeral === record.ephemeral &&
    known.endPointCount === record.endPointCount &&
    known.sigKeyDigest === record.sigKeyDigest &&
    known.seq === record.seq &&
    known.statementDigest === record.statementDigest &&
    known.marked === record.marked &&
    isSameRegistration(known, record)
  );
}

function isSameRegistration(one: Registration, other: Registration): boolean {
  return (
    one.clientId === other.clientId &&
    one.name === other.name &&
    Buffer.compare(one.token, other.token) === 0 &&
    isSame(one.sealed, other.sealed)
  );
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one && other ? Buffer.compare(one, other) === 0 : one === other;
}
