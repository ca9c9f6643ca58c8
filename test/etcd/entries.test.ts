// Entries of clusters on a real etcd that two servers share: nobody overwrites blindly, each learns what the other wrote
// and removed, and servers that do not know entries do not start.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { Change } from '../../src/registry/command.ts';
import { ETCD, type TxnRequest, type TxnResponse } from '../../src/store/etcd/etcd-calls.ts';
import { EtcdClient } from '../../src/store/etcd/etcd-client.ts';
import { put, read } from '../../src/store/etcd/etcd-conditions.ts';
import { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import { ask, getCluster } from '../coordinator/asking.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { all, cluster, entry, plain } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { endPointsOf, newPrefix, openEtcdStore, openServer } from './stores.ts';

const programs = etcdPrograms();
const [one, two] = [Uint8Array.of(1), Uint8Array.of(2)];
const removal: Change = { kind: 'entry-removal', clusterId: idOf(0xc0), key: '01' };
const STORED = { kind: 'stored' };

describe.skipIf(programs === undefined)('entries on an etcd that servers share', () => {
  let etcd: EtcdCluster;
  const open: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
  });
  afterAll(async () => {
    await etcd.stop();
  });
  afterEach(async () => {
    for (const store of open.splice(0)) await store.close();
  });

  async function store(prefix: string): Promise<EtcdStore> {
    const opened = await openEtcdStore(endPointsOf(etcd), prefix);
    open.push(opened);
    for await (const _ of opened.load());
    return opened;
  }

  /** Two servers' stores that have both caught up with a cluster. */
  async function stores(...entries: Change[]): Promise<[EtcdStore, EtcdStore]> {
    const prefix = newPrefix();
    const first = await store(prefix);
    await first.commit([cluster('c', 0xc0), ...entries]);
    await first.catchUp();
    return [first, await store(prefix)];
  }

  const outcomeOf = async (store: EtcdStore, change: Change) => {
    const [outcome] = await store.commit([change]);
    return outcome?.kind === 'conflict' ? { ...outcome, current: outcome.current.map(plain) } : outcome;
  };
  const conflictWith = (change: Change) => ({ kind: 'conflict', current: [plain(change)] });
  const learned = async (store: EtcdStore) => (await store.catchUp()).changes.map((change) => plain(change as Change));

  it('a write conflicts with one that the server has not caught up with, and succeeds after that', async () => {
    const [here, there] = await stores(entry(0xc0, '01', Uint8Array.of(0)));
    expect(await outcomeOf(here, entry(0xc0, '01', one))).toEqual(STORED);
    expect(await outcomeOf(there, entry(0xc0, '01', two))).toEqual(conflictWith(entry(0xc0, '01', one)));
    expect(await outcomeOf(there, removal)).toEqual(conflictWith(entry(0xc0, '01', one)));
    expect(await learned(there)).toEqual([plain(entry(0xc0, '01', one))]);
    expect(await outcomeOf(there, entry(0xc0, '01', two))).toEqual(STORED);
    expect(await learned(here)).toContainEqual(plain(entry(0xc0, '01', two)));
    expect(await outcomeOf(here, removal)).toEqual(STORED);
    expect(await learned(there)).toContainEqual(removal);
    expect((await all(there)).map(plain)).toEqual([plain(cluster('c', 0xc0))]);
  });

  it('ifAbsent conflicts with another value only, whether the server has caught up or not', async () => {
    const [here, there] = await stores();
    expect(await outcomeOf(here, entry(0xc0, '01', one, true))).toEqual(STORED);
    for (let time = 0; time < 2; time++) {
      expect(await outcomeOf(there, entry(0xc0, '01', one, true))).toEqual(STORED);
      expect(await outcomeOf(there, entry(0xc0, '01', two, true))).toEqual(conflictWith(entry(0xc0, '01', one)));
      await there.catchUp();
    }
  });

  it('an entry of a cluster that another server has removed conflicts', async () => {
    const [here, there] = await stores(entry(0xc0, '01', one));
    expect(await outcomeOf(here, { kind: 'cluster-removal', id: idOf(0xc0), name: 'c', seats: 0 })).toEqual(STORED);
    expect(await outcomeOf(there, entry(0xc0, '02', one))).toEqual({ kind: 'conflict', current: [] });
    expect(await all(there)).toEqual([]);
  });

  it('an entry that the server has not caught up with keeps its cluster from expiry, not from deletion (R4)', async () => {
    const [here, there] = await stores(entry(0xc0, '01', one));
    const deletion: Change = { kind: 'cluster-removal', id: idOf(0xc0), name: 'c', seats: 0 };
    expect(await outcomeOf(here, entry(0xc0, '02', one))).toEqual(STORED);
    expect(await outcomeOf(there, { ...deletion, expired: true })).toEqual({ kind: 'conflict', current: [] });
    expect((await all(here)).map(({ kind }) => kind)).toEqual(['cluster', 'entry', 'entry']);
    await there.catchUp();
    expect(await outcomeOf(here, entry(0xc0, '03', one))).toEqual(STORED);
    expect(await outcomeOf(there, deletion)).toEqual(STORED);
    expect(await all(there)).toEqual([]);
  });

  it('an expired cluster goes with the entries that the server knows (R4)', async () => {
    const [, there] = await stores(entry(0xc0, '01', one), entry(0xc0, '02', two));
    const expiry: Change = { kind: 'cluster-removal', id: idOf(0xc0), name: 'c', seats: 0, expired: true };
    expect(await outcomeOf(there, expiry)).toEqual(STORED);
    expect(await all(there)).toEqual([]);
  });

  it('reach the table of another server, with their removals and that of their cluster', async () => {
    const prefix = newPrefix();
    const server = await openServer(endPointsOf(etcd), prefix);
    open.push(server.store);
    const other = await store(prefix);
    const seen = async () => {
      await ask(server.coordinator, getCluster('c'));
      return [...server.table.records()].map(plain);
    };
    const records = [cluster('c', 0xc0, { confirmMs: 15_000 }), entry(0xc0, '01', one), entry(0xc0, '02', two)];
    // The cluster and its entries are one transaction.
    expect((await other.commit([records])).map(({ kind }) => kind)).toEqual(['stored']);
    expect(await seen()).toEqual(records.map(plain));
    await other.catchUp();
    expect(await outcomeOf(other, removal)).toEqual(STORED);
    expect(await seen()).toEqual([records[0]!, records[2]!].map(plain));
    expect(await outcomeOf(other, { kind: 'cluster-removal', id: idOf(0xc0), name: 'c', seats: 0 })).toEqual(STORED);
    expect(await seen()).toEqual([]);
  });

  describe('the schema in meta', () => {
    const BEFORE = { schema: 1, registryId: REGISTRY_ID, copied: 'ab'.repeat(12) };

    async function onMeta(prefix: string, operation: (key: string) => TxnRequest['success']) {
      const access = { endPoints: endPointsOf(etcd), tls: undefined, user: undefined };
      const client = new EtcdClient(access, { requested() {} });
      const request = { compare: [], success: operation(`${prefix}meta`) ?? [], failure: [] };
      const { responses } = await client.call<TxnRequest, TxnResponse>(ETCD.txn, request, performance.now() + 5_000);
      client.close();
      const value = responses?.[0]?.response_range?.kvs?.[0]?.value;
      return value ? JSON.parse(Buffer.from(value).toString()) : undefined;
    }
    const metaOf = (prefix: string) => onMeta(prefix, (key) => [read(key)]);
    const write = (prefix: string, meta: object) => onMeta(prefix, (key) => [put(key, JSON.stringify(meta))]);

    it('is 2 in a new table, which servers that know schema 1 refuse', async () => {
      const prefix = newPrefix();
      await store(prefix);
      expect(await metaOf(prefix)).toEqual({ schema: 2, registryId: REGISTRY_ID });
      // This server refuses the schema after its own by the same rule.
      await write(prefix, { schema: 3, registryId: REGISTRY_ID });
      await expect(store(prefix)).rejects.toThrow('is of schema 3; this server knows 2');
    });

    it('is raised by the servers that open an older table, also at once, and by no command that reads it', async () => {
      const prefix = newPrefix();
      await write(prefix, BEFORE);
      const access = { endPoints: endPointsOf(etcd), tls: undefined, user: undefined };
      open.push(await EtcdStore.open({ access, registryId: REGISTRY_ID, prefix, as: 'reader' }));
      expect(await metaOf(prefix)).toEqual(BEFORE);
      await Promise.all([1, 2, 3].map(() => store(prefix)));
      expect(await metaOf(prefix)).toEqual({ ...BEFORE, schema: 2 });
    });
  });
});
