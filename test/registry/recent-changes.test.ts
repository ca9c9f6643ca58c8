// The table's ring of last changes, against a list of all changes.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { CLUSTER_SIZE_MAX, RECENT_CHANGES_MAX, RECENT_CLUSTERS_MAX } from '../../src/limits.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import { RecentChanges } from '../../src/registry/recent-changes.ts';
import { NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';

const hex = (text: string) => Buffer.alloc(32, text).toString('hex');

function addCluster(table: ClusterTable, name: string, size: number): void {
  table.replay({ kind: 'cluster', id: hex(name), name, size, endPointCount: 1, attrs: 0n });
}

function addMember(table: ClusterTable, cluster: string, index: number): void {
  const name = `m${index}`;
  const clientId = hex(`${name} of ${cluster}`);
  table.replay({ kind: 'member', clusterId: hex(cluster), index, clientId, name, token: Uint8Array.of(1) });
}

const recentNames = (table: ClusterTable) => table.overview().recent.map(({ name }) => name);

it('lists the last changed first, each once', () => {
  // Runs longer than the ring, and as long as its start.
  const few = fc.array(fc.nat(20), { maxLength: 60 });
  fc.assert(
    fc.property(few, fc.integer({ min: 0, max: RECENT_CHANGES_MAX }), (ids, before) => {
      const changes = new RecentChanges();
      for (let i = 0; i < before; i++) changes.note(i % 2 ? 'x' : 'y');
      for (const id of ids) changes.note(String(id));
      const expected = [...new Set(ids.toReversed().map(String))];
      expect([...changes.newest()].filter((id) => id !== 'x' && id !== 'y')).toEqual(expected);
    }),
  );
});

it('counts creations, joins and evictions as changes, and omits removed clusters', () => {
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  for (const name of ['a', 'b', 'c']) addCluster(table, name, 2);
  expect(recentNames(table)).toEqual(['c', 'b', 'a']);
  addMember(table, 'a', 0);
  addMember(table, 'b', 0);
  expect(recentNames(table)).toEqual(['b', 'a', 'c']);
  table.apply({ kind: 'evict', cluster: { name: 'a' }, member: { name: 'm0' } }, 1);
  expect(table.overview()).toMatchObject({ clusters: 3, members: 1, seats: 6, fullClusters: 0 });
  expect(table.overview().recent[0]).toMatchObject({ name: 'a', members: 0 });
  table.apply({ kind: 'delete-cluster', cluster: { name: 'a' } }, 2);
  expect(recentNames(table)).toEqual(['b', 'c']);
});

it('keeps as many clusters as it lists while they fill in turns', () => {
  const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  const names = Array.from({ length: RECENT_CLUSTERS_MAX + 6 }, (_, i) => `c${i}`);
  for (const name of names) addCluster(table, name, CLUSTER_SIZE_MAX);
  expect(recentNames(table)).toEqual(names.toReversed().slice(0, RECENT_CLUSTERS_MAX));
  const filling = names.slice(0, RECENT_CLUSTERS_MAX);
  for (const name of filling) addMember(table, name, 0);
  for (let index = 1; index < CLUSTER_SIZE_MAX; index++) for (const name of filling) addMember(table, name, index);
  expect(recentNames(table)).toEqual(filling.toReversed());
  // Two more that fill in turn displace none.
  for (let index = 0; index < CLUSTER_SIZE_MAX; index++)
    for (const name of names.slice(-2)) addMember(table, name, index);
  expect(recentNames(table)).toEqual([...names.slice(-2).toReversed(), ...filling.slice(2).toReversed()]);
});
