// Malformed records with a valid checksum, shorter than their fields: refused on every path into the store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Change } from '../../src/registry/command.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { StoreUnusableError } from '../../src/store/store.ts';
import {
  clientKey,
  clusterKey,
  decodeRecord,
  encodeClient,
  encodeCluster,
  encodeEntry,
  encodeMember,
  entryKey,
  KEY_PREFIX,
  memberKey,
  openValue,
  sealValue,
} from '../../src/store/stored-record.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { meddle } from './raw-table.ts';
import { all, client, cluster, entry, member, plain } from './store-contract.ts';

const KEYS = new EtcdKeys('/r/');
/** Bytes that may follow in the same memory; a read beyond the record's end would find them. */
const NEIGHBOUR = Buffer.alloc(300, 0x6e);

/** Each kind's key, its key in etcd, its value, and the minimal length of its fields in bytes. */
const KINDS = [
  ['a client', clientKey(idOf(2)), `/r/id/${idOf(2)}`, encodeClient(clientKey(idOf(2)), client(2)), 35 + 6],
  ['a cluster', clusterKey('a'), '/r/cn/a', encodeCluster(clusterKey('a'), cluster('a', 0xa0)), 11],
  [
    'a member',
    memberKey(idOf(0xa0), 1),
    `/r/m/${idOf(0xa0)}/01`,
    encodeMember(memberKey(idOf(0xa0), 1), member(0xa0, 1, 2), false),
    1 + 32 + 1 + 6,
  ],
  [
    'a seat',
    memberKey(idOf(0xa0), 1),
    `/r/m/${idOf(0xa0)}/01`,
    encodeMember(memberKey(idOf(0xa0), 1), member(0xa0, 1, 2), true),
    1 + 32 + 1 + 6,
  ],
] as const;

function decode(key: Buffer, value: Buffer) {
  return decodeRecord({
    bytes: Buffer.concat([key, value, NEIGHBOUR]),
    keyAt: 0,
    valueAt: key.length,
    end: key.length + value.length,
  });
}

it.each(KINDS)('refuses a value with a valid checksum that is too short: %s (E6)', (_, key, etcdKey, value, least) => {
  const fields = openValue(key, value);
  for (let length = 1; length <= fields.length; length++) {
    const short = sealValue(key, [fields.subarray(0, length)]);
    if (length < least) {
      expect(() => decode(key, short), `${length} bytes`).toThrow(StoreUnusableError);
      expect(() => decode(key, short), `${length} bytes`).toThrow(key.toString('hex'));
      expect(() => KEYS.record(etcdKey, short), `${length} bytes in etcd`).toThrow(StoreUnusableError);
      expect(() => KEYS.learned(etcdKey, short), `${length} bytes in etcd`).toThrow(StoreUnusableError);
    } else {
      expect(plain(decode(key, short) as Change)).toEqual(plain(KEYS.record(etcdKey, short) as Change));
    }
  }
});

it('refuses an entry with a valid checksum whose length is not that of its value, or without a key (E6)', () => {
  const key = entryKey(idOf(0xa0), '01');
  const etcdKey = `/r/x/${idOf(0xa0)}/01`;
  const record = entry(
    0xa0,
    '01',
    Uint8Array.from({ length: 40 }, (_, i) => i),
  );
  const value = encodeEntry(key, record);
  expect(plain(decode(key, value) as Change)).toEqual(plain(record));
  expect(plain(KEYS.record(etcdKey, value) as Change)).toEqual(plain(record));
  const fields = Buffer.concat([openValue(key, value), Buffer.alloc(1)]);
  for (let length = 1; length <= fields.length; length++) {
    if (length === fields.length - 1) continue;
    const wrong = sealValue(key, [fields.subarray(0, length)]);
    expect(() => decode(key, wrong), `${length} bytes`).toThrow(StoreUnusableError);
    expect(() => KEYS.learned(etcdKey, wrong), `${length} bytes in etcd`).toThrow(StoreUnusableError);
  }
  const keyless = key.subarray(0, -1);
  expect(() => decode(keyless, sealValue(keyless, [openValue(key, value)]))).toThrow(StoreUnusableError);
});

it.each([
  ['the name of a client', KINDS[0][1], KINDS[0][3], 34],
  ['the client of a member', KINDS[2][1], KINDS[2][3], 0],
  ['the name of a member', KINDS[2][1], KINDS[2][3], 33],
] as const)('refuses a length with a valid checksum that goes beyond the value: %s (E6)', (_, key, value, at) => {
  const fields = Buffer.from(openValue(key, value));
  expect(() => decode(key, sealValue(key, [fields]))).not.toThrow();
  fields[at] = 255;
  expect(() => decode(key, sealValue(key, [fields]))).toThrow(StoreUnusableError);
});

it.each(KINDS)('refuses a table on disk with such a value: %s (E6)', async (_, key, __, value, least) => {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-short-'));
  try {
    const options = { registryId: REGISTRY_ID, bytesMax: undefined };
    const records = [client(2), cluster('a', 0xa0), member(0xa0, 1, 2)];
    const store = LmdbStore.open(directory, options);
    await store.commit(records);
    expect((await all(store)).map(plain)).toHaveLength(records.length);
    await store.close();
    await meddle(directory, (table) => {
      table.putSync(key, sealValue(key, [openValue(key, value).subarray(0, least - 1)]));
    });
    const again = LmdbStore.open(directory, options);
    await expect(all(again)).rejects.toThrow(StoreUnusableError);
    await again.close();
    await expect(verifyStore(directory)).rejects.toThrow(StoreUnusableError);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('refuses a table whose own record has a valid checksum and no valid content (E6)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'xlreg-short-'));
  const key = Buffer.from([KEY_PREFIX.meta, ...Buffer.from('registry')]);
  try {
    const options = { registryId: REGISTRY_ID, bytesMax: undefined };
    await LmdbStore.open(directory, options).close();
    for (const text of ['{', 'null', '{}', '{"schema":"1","registryId":3}']) {
      await meddle(directory, (table) => {
        table.putSync(key, sealValue(key, [Buffer.from(text)]));
      });
      expect(() => LmdbStore.open(directory, options), text).toThrow(StoreUnusableError);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
