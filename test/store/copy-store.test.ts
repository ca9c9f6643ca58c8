// Copies between stores of different kinds, and the comparison of a copy with its source.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Change } from '../../src/registry/command.ts';
import { CopyError, copyRecords, Survey } from '../../src/store/copy.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { client, cluster, entry, member } from './store-contract.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function lmdb(): Store {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-copy-'));
  closers.push(() => rmSync(directory, { recursive: true }));
  const store = LmdbStore.open(directory, { registryId: 'aa'.repeat(32), bytesMax: undefined });
  closers.push(() => store.close());
  return store;
}

async function filled(store: Store, changes: readonly Change[]): Promise<Store> {
  for (const { kind } of await store.commit(changes)) expect(kind).toBe('stored');
  return store;
}

/**
 * More records than fit into one commit: members with and without their own token, IDs of both lengths, clusters with
 * and without a confirm time and an owner, and entries.
 */
function records(): Change[] {
  const clients = Array.from({ length: 1_500 }, (_, i) => {
    const clientId = i.toString(16).padStart(i % 2 ? 40 : 64, '0');
    return client(i % 256, { clientId, ephemeral: i % 7 === 0, endPointCount: i % 5 });
  });
  const clusters = Array.from({ length: 40 }, (_, i) => {
    const forming = { ...(i % 3 === 1 && { confirmMs: 15_000 + i }), ...(i % 3 === 2 && { owner: 'ab'.repeat(32) }) };
    return cluster(`c-${i}`, i, { attrs: BigInt(i % 2), size: 2 + i, ...forming });
  });
  const members = clusters.flatMap((_, at) =>
    Array.from({ length: 2 + at }, (_, index) => {
      const { clientId, name, token } = clients[(at * 41 + index) % 1_500]!;
      return member(at, index, 1, index % 3 === 0 ? { clientId } : { clientId, name, token });
    }),
  );
  const entries = clusters.flatMap((_, at) => ['01', '02ff'].map((key) => entry(at, key, new Uint8Array(at * 400))));
  return [...clients, ...clusters, ...members, ...entries];
}

const nothing = () => {};

it.each([
  { from: 'lmdb', to: 'lmdb', source: lmdb, target: lmdb },
  { from: 'lmdb', to: 'memory', source: lmdb, target: () => new MemoryStore() },
  { from: 'memory', to: 'lmdb', source: () => new MemoryStore(), target: lmdb },
])('copies from $from to $to without loss, to the same digest', async ({ source, target }) => {
  const all = records();
  const from = await filled(source(), all);
  const to = target();
  const reported: number[] = [];
  await copyRecords(from, to, (copied) => reported.push(copied));
  const [survey, copy] = [await Survey.of(from, nothing), await Survey.of(to, nothing)];
  survey.assertSame(copy);
  expect(copy.digest).toBe(survey.digest);
  expect([survey.records, survey.clients, survey.clusters]).toEqual([all.length, 1_500, 40]);
  expect(survey.members).toBe(all.length - 1_540 - 80);
  expect(reported.at(-1)).toBe(all.length);
  expect(reported.length).toBeGreaterThan(1);
});

const SAME = [
  ...[client(1), client(2), cluster('c', 1), member(1, 0, 1), member(1, 1, 2)],
  entry(1, '01', Uint8Array.of(1)),
];
const REST = SAME.slice(3);

it.each<{ what: string; copy: readonly Change[]; says: string }>([
  { what: 'a record is missing', copy: [...SAME.slice(0, 4), SAME[5]!], says: 'missing member' },
  { what: 'an entry is missing', copy: SAME.slice(0, 5), says: 'missing entry' },
  {
    what: "an entry's value differs",
    copy: [...SAME.slice(0, 5), entry(1, '01', Uint8Array.of(2))],
    says: 'different entry',
  },
  {
    what: 'a confirm time differs',
    copy: [...SAME.slice(0, 2), cluster('c', 1, { confirmMs: 15_000 }), ...REST],
    says: 'different cluster',
  },
  {
    what: 'an owner differs',
    copy: [...SAME.slice(0, 2), cluster('c', 1, { owner: 'ab'.repeat(32) }), ...REST],
    says: 'different cluster',
  },
  { what: 'there is one more', copy: [...SAME, client(3)], says: 'extra client' },
  {
    what: 'a token differs',
    copy: [client(1, { token: Uint8Array.of(9) }), ...SAME.slice(1)],
    says: 'different client',
  },
  { what: 'a flag differs', copy: [client(1, { ephemeral: true }), ...SAME.slice(1)], says: 'different client' },
  {
    what: 'a size differs',
    copy: [...SAME.slice(0, 2), cluster('c', 1, { size: 3 }), ...SAME.slice(3)],
    says: 'cluster c',
  },
  { what: "a seat is another's", copy: [...SAME.slice(0, 4), member(1, 1, 1)], says: 'different member' },
])('reports that $what', async ({ copy, says }) => {
  const survey = await Survey.of(await filled(new MemoryStore(), SAME), nothing);
  const other = await Survey.of(await filled(new MemoryStore(), copy), nothing);
  expect(() => survey.assertSame(other)).toThrow(CopyError);
  expect(() => survey.assertSame(other)).toThrow(says);
  expect(other.digest).not.toBe(survey.digest);
});

it('stops at a conflicting record', async () => {
  const from = await filled(new MemoryStore(), SAME);
  const to = await filled(new MemoryStore(), [cluster('c', 2)]);
  await expect(copyRecords(from, to, nothing)).rejects.toThrow('the target has another cluster c already');
});
