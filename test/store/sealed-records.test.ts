// Records of clients and members of the sealed dialect, in memory and in lmdb: what is stored, what replaces what, and
// what older servers can still read.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClientRecord, ClusterRecord, MemberRecord, StoredRecord } from '../../src/registry/command.ts';
import { Survey } from '../../src/store/copy.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import {
  clientKey,
  clusterKey,
  decodeRecord,
  encodeClient,
  encodeCluster,
  encodeMember,
  memberKey,
  openValue,
  sealValue,
} from '../../src/store/stored-record.ts';

const REGISTRY_ID = 'ab'.repeat(32);
const clientId = '11'.repeat(32);
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
const old: ClientRecord = {
  ...{ kind: 'client', clientId, name: 'alice', token: bytes(40, 1), sigKeyDigest: '22'.repeat(32) },
  ...{ endPointCount: 2, ephemeral: false },
};
const sealed: ClientRecord = {
  ...{ ...old, sealed: bytes(300, 2), seq: 2 ** 53 - 1, statementDigest: '33'.repeat(32), marked: true },
};
const lifted: ClientRecord = { ...sealed, marked: undefined };
const replaced: ClientRecord = { ...old, seq: 7 };
const cluster: ClusterRecord = {
  kind: 'cluster',
  id: '44'.repeat(32),
  name: 'c',
  size: 4,
  endPointCount: 1,
  attrs: 0n,
};
const member: MemberRecord = {
  ...{ kind: 'member', clusterId: cluster.id, index: 1, clientId, name: 'alice' },
  ...{ token: bytes(40, 1), sealed: bytes(300, 2) },
};

function decoded(key: Buffer, value: Buffer): StoredRecord {
  openValue(key, value);
  const both = Buffer.concat([key, value]);
  return decodeRecord({ bytes: both, keyAt: 0, valueAt: key.length, end: both.length });
}

/** The fields of a record, whose getters a spread would lose. */
function fieldsOf(record: StoredRecord): Record<string, unknown> {
  const found = record as unknown as Record<string, unknown>;
  const names = ['kind', 'clientId', 'name', 'sigKeyDigest', 'endPointCount', 'ephemeral', 'seq', 'statementDigest'];
  const hex = (value: unknown) => (value === undefined ? undefined : Buffer.from(value as Uint8Array).toString('hex'));
  const plain = Object.fromEntries(names.map((name) => [name, found[name]]));
  return { ...plain, marked: found.marked, token: hex(found.token), sealed: hex(found.sealed) };
}

const stores: readonly (readonly [string, (directory: string) => Store])[] = [
  ['memory', () => new MemoryStore()],
  ['lmdb', (directory) => LmdbStore.open(directory, { registryId: REGISTRY_ID, bytesMax: undefined })],
];

async function withStore(open: (directory: string) => Store, use: (store: Store) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-sealed-records-'));
  const store = open(directory);
  try {
    await use(store);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true });
  }
}

async function all(store: Store): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for await (const some of store.load()) found.push(...some);
  return found;
}

it.each([
  ['of the old dialects', old, 1],
  ['with a statement and a mark', sealed, 2],
  ['whose mark was lifted', lifted, 2],
  ['whose statement was replaced in an old dialect', replaced, 2],
] as const)('writes and reads a client %s', (_, record, version) => {
  const key = clientKey(record.clientId);
  const value = encodeClient(key, record);
  expect(value[0]).toBe(version);
  expect(fieldsOf(decoded(key, value))).toEqual(fieldsOf(record));
  for (let end = 5; end < value.length - 1; end++)
    expect(() => decoded(key, value.subarray(0, end))).toThrow('damaged');
});

it('writes and reads a member with its own statement', () => {
  const key = memberKey(member.clusterId, member.index);
  const value = encodeMember(key, member, false);
  expect(value[0]).toBe(2);
  expect(fieldsOf(decoded(key, value))).toEqual(fieldsOf(member));
  expect(encodeMember(key, { ...member, sealed: undefined }, false)[0]).toBe(1);
  expect(encodeMember(key, member, true)[0]).toBe(1);
});

it('leaves a cluster without confirm time and owner byte for byte as older servers wrote it', () => {
  const key = clusterKey(cluster.name);
  const attrs = Buffer.alloc(8);
  attrs.writeBigUInt64LE(3n);
  const id = Buffer.from(cluster.id, 'hex');
  for (const keep of [undefined, true] as const) {
    const record = { ...cluster, attrs: 3n, ...(keep && { keep }) };
    const expected = sealValue(key, [Buffer.of(keep ? 1 : 0, 4, 1), attrs, id], 2);
    expect(encodeCluster(key, record).equals(expected)).toBe(true);
    expect(encodeCluster(key, { ...record, confirmMs: 0, owner: undefined }).equals(expected)).toBe(true);
  }
});

it.each([
  ['a confirm time', { confirmMs: 15_000 }],
  ['an owner', { owner: '77'.repeat(32) }],
  ['both and a mark', { confirmMs: 3_600_000, owner: '77'.repeat(32), keep: true }],
] as const)('writes a cluster with %s in version 3, which servers that know version 2 refuse', (_, fields) => {
  const key = clusterKey(cluster.name);
  const value = encodeCluster(key, { ...cluster, ...fields });
  expect(value[0]).toBe(3);
  expect(decoded(key, value)).toEqual({ ...cluster, ...fields });
  // This server refuses the version after its newest by the same rule.
  const newer = Buffer.from(value);
  newer[0] = 4;
  expect(() => openValue(key, newer)).toThrow('is of version 4, newer than this server');
  const rest = openValue(key, value);
  for (let length = 1; length <= rest.length - 32; length++) {
    const short = sealValue(key, [rest.subarray(0, length)], 3);
    expect(() => decoded(key, short), `${length} bytes`).toThrow('damaged');
  }
});

describe.each(stores)('in %s', (_, open) => {
  it('a member keeps its statement when its client has a newer one', async () => {
    await withStore(open, async (store) => {
      const newer: ClientRecord = { ...sealed, seq: 9, statementDigest: '55'.repeat(32), sealed: bytes(300, 9) };
      await store.commit([sealed, cluster, [sealed, member], [newer, member]]);
      const found = (await all(store)).map(fieldsOf);
      expect(found).toContainEqual(fieldsOf(newer));
      expect(found).toContainEqual(fieldsOf(member));
    });
  });

  it('a record replaces that of another SigKey only if it displaces it', async () => {
    await withStore(open, async (store) => {
      const owner: ClientRecord = { ...sealed, sigKeyDigest: '66'.repeat(32) };
      const removal = { kind: 'member-removal', clusterId: cluster.id, index: 1, clientId } as const;
      await store.commit([sealed, cluster, member]);
      const [refused] = await store.commit([owner]);
      expect(refused?.kind).toBe('conflict');
      const displacing = { ...owner, displaces: sealed.sigKeyDigest };
      const [done] = await store.commit([[removal, displacing]]);
      expect(done).toEqual({ kind: 'stored' });
      const found = await all(store);
      expect(found.map(({ kind }) => kind)).toEqual(['client', 'cluster']);
      expect(fieldsOf(found[0]!)).toEqual(fieldsOf(owner));
    });
  });
});

it('a survey tells records apart by their statements and marks', async () => {
  const digests = new Set<string>();
  for (const record of [old, sealed, lifted, replaced, { ...sealed, sealed: bytes(300, 3) }]) {
    await withStore(stores[1]![1], async (store) => {
      await store.commit([record]);
      digests.add((await Survey.of(store, () => {})).digest);
    });
  }
  expect(digests.size).toBe(5);
});
