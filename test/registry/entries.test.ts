// Entries of clusters in the table: loaded, replayed, kept through an undo, and yielded by records().
import { expect, it } from 'vitest';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { StoredRecord } from '../../src/registry/command.ts';
import { client, cluster, entry, member } from '../store/store-contract.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';

const TTL_MS = 1_000;
const [one, other] = [Uint8Array.of(1), Uint8Array.of(2)];
const RECORDS: readonly StoredRecord[] = [
  client(1),
  cluster('a', 0xa0, { confirmMs: 15_000 }),
  cluster('b', 0xb0, { owner: 'ab'.repeat(32) }),
  member(0xa0, 0, 1),
  entry(0xa0, '01', one),
  entry(0xb0, '02', other),
];

function loaded(shared = false): ClusterTable {
  const table = new ClusterTable(REGISTRY_ID, { ...NO_LIMITS, emptyClusterTtlMs: TTL_MS }, 0, shared);
  table.reset(RECORDS, 0);
  return table;
}

const entriesOf = (table: ClusterTable, id: number) => Object.fromEntries(table.cluster(idOf(id))?.entries ?? []);

it('yields the records that it was reset to, entries last', () => {
  const table = loaded();
  expect([...table.records()]).toEqual(RECORDS);
  table.reset(RECORDS.slice(0, 5), 0);
  expect([...table.records()]).toEqual(RECORDS.slice(0, 5));
});

it('replays written and removed entries, any of them twice', () => {
  const table = loaded();
  for (const _ of [1, 2]) {
    table.replay(entry(0xa0, '01', other));
    table.replay(entry(0xa0, '03', one));
    table.replay({ kind: 'entry-removal', clusterId: idOf(0xb0), key: '02' });
    expect([entriesOf(table, 0xa0), entriesOf(table, 0xb0)]).toEqual([{ '01': other, '03': one }, {}]);
  }
});

it('drops the entries with their cluster, and has them again after an undo', () => {
  const table = loaded();
  for (const effect of [
    () => table.apply({ kind: 'delete-cluster', cluster: { name: 'b' } }, 0),
    () => table.expire(TTL_MS, 10)[0]!,
  ]) {
    const { undo, changes } = effect();
    expect(changes).toMatchObject([{ kind: 'cluster-removal', name: 'b' }]);
    expect([...table.records()]).not.toContainEqual(RECORDS[5]);
    undo();
    expect([...table.records()]).toEqual(expect.arrayContaining([...RECORDS]));
  }
  table.replay({ kind: 'cluster-removal', id: idOf(0xb0), name: 'b', seats: 0 });
  table.replay(cluster('b', 0xb0));
  expect(entriesOf(table, 0xb0)).toEqual({});
});

it('keeps the entries of a cluster that loses a member, or that an operator marks', () => {
  const table = loaded();
  table.apply({ kind: 'evict', cluster: { name: 'a' }, member: { id: idOf(1) } }, 0).undo();
  table.apply({ kind: 'evict', cluster: { name: 'a' }, member: { id: idOf(1) } }, 0);
  const { kind: _, ...properties } = cluster('a', 0xa0);
  const marked = table.apply({ kind: 'keep-cluster', ...properties }, 0);
  expect(marked.changes).toEqual([cluster('a', 0xa0, { confirmMs: 15_000, keep: true })]);
  expect(entriesOf(table, 0xa0)).toEqual({ '01': one });
});

it('counts an entry of another server as a use of its cluster, and ignores one of a cluster that it removed', () => {
  const table = loaded(true);
  table.replay(entry(0xb0, '03', one), TTL_MS - 1);
  expect(table.expire(TTL_MS, 10)).toEqual([]);
  const [removal] = table.expire(2 * TTL_MS - 1, 10);
  expect(removal?.changes).toMatchObject([{ kind: 'cluster-removal', name: 'b', expired: true }]);
  table.replay(entry(0xb0, '04', one));
  table.replay({ kind: 'entry-removal', clusterId: idOf(0xb0), key: '02' });
  expect([...table.records()]).toEqual(RECORDS.slice(0, 2).concat(RECORDS.slice(3, 5)));
});

it('refuses an entry without its cluster', () => {
  expect(() => loaded().replay(entry(0xc0, '01', one))).toThrow('an entry has a cluster');
});

it('derives from the entries of a cluster once for each change of them', () => {
  const table = loaded();
  const found = table.cluster(idOf(0xb0))!;
  let scans = 0;
  const keys = (entries: ReadonlyMap<string, Uint8Array>) => {
    scans += 1;
    return [...entries.keys()];
  };
  for (let again = 0; again < 3; again++) expect(found.deriveFromEntries(keys)).toEqual(['02']);
  expect(scans).toBe(1);
  found.setEntry('03', one);
  expect(found.deriveFromEntries(keys)).toEqual(['02', '03']);
  found.deleteEntry('02');
  expect([found.deriveFromEntries(keys), scans]).toEqual([['03'], 3]);
});
