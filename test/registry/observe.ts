// The observable state of a table, for comparing tables.

import type { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Change, Command, Reply } from '../../src/registry/command.ts';
import { PackedClient } from '../../src/store/stored-record.ts';
import { CLIENT_IDS, CLUSTER_IDS, NAMES, NOBODY, REGISTRY_ID } from './arbitrary-commands.ts';
import { applySlowly, type SlowTable, storedSlowly } from './slow-table.ts';

const CLUSTER_QUESTIONS: readonly Command[] = [
  ...NAMES.map((name) => ({ name })),
  ...CLUSTER_IDS.map((id) => ({ id })),
].map(
  (cluster): Command => ({
    kind: 'get-cluster',
    clientId: NOBODY,
    cluster,
    which: 2n ** 64n - 1n,
    cursor: undefined,
    rosterBytesMax: Number.MAX_SAFE_INTEGER,
  }),
);

/** These queries count as uses of their client. */
const CLIENT_QUESTIONS: readonly Command[] = [...CLIENT_IDS, '05'.repeat(20), REGISTRY_ID, ...CLUSTER_IDS].map(
  (clientId): Command => ({ kind: 'find-client', clientId }),
);

/** Every reply of a table; equal tables give equal replies. Counts as a use of every client, at time 0 by default. */
export function observeTable(table: ClusterTable, now = 0) {
  return {
    clients: CLIENT_QUESTIONS.map((question) => unbuffered(table.apply(question, now).reply)),
    ...glanceAt(table, now),
  };
}

/** The observable state of the model. */
export function observeSlowly(table: SlowTable) {
  return {
    clients: CLIENT_QUESTIONS.map((question) => applySlowly(table, question, 0).reply),
    ...glanceSlowly(table),
  };
}

/** The state of a table observable without a use of any client. */
export function glanceAt(table: ClusterTable, now = 0) {
  return {
    clusters: CLUSTER_QUESTIONS.map((question) => table.apply(question, now).reply),
    counts: { ...table.counts },
    fill: { ...table.fill },
    records: inOrder([...table.records()].map(unbuffered)),
  };
}

export function glanceSlowly(table: SlowTable) {
  const members = table.clusters.reduce((sum, cluster) => sum + cluster.members.filter(Boolean).length, 0);
  return {
    clusters: CLUSTER_QUESTIONS.map((question): Reply => applySlowly(table, question, 0).reply),
    counts: { clients: table.clients.length, clusters: table.clusters.length, members },
    fill: {
      fullClusters: table.clusters.filter(({ record, members }) => members.filter(Boolean).length === record.size)
        .length,
      seats: table.clusters.reduce((sum, { record }) => sum + record.size, 0),
    },
    records: inOrder(storedSlowly(table)),
  };
}

/** The same value whether it was loaded or not, token included. */
export function unbuffered<T extends object>(holder: T): T {
  const { token } = holder as { token?: Uint8Array };
  if (token === undefined) return holder;
  if (!(holder instanceof PackedClient)) return { ...holder, token: Uint8Array.from(token) };
  const { kind, clientId, name, sigKeyDigest, endPointCount, ephemeral } = holder;
  return { kind, clientId, name, sigKeyDigest, endPointCount, ephemeral, token: Uint8Array.from(token) } as object as T;
}

/** Changes by their keys. */
export function inOrder(changes: readonly Change[]): Change[] {
  return changes.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** The key of the record that a change replaces or removes. */
export function keyOf(change: Change): string {
  switch (change.kind) {
    case 'client':
    case 'client-removal':
      return `client ${change.clientId}`;
    case 'cluster':
    case 'cluster-removal':
      return `cluster ${change.name}`;
    case 'member':
    case 'member-removal':
      return `member ${change.clusterId} ${String(change.index).padStart(2, '0')}`;
    case 'entry':
    case 'entry-removal':
      return `entry ${change.clusterId} ${change.key}`;
  }
}
