// The store contract over the etcd store, with a catch-up before each commit, as a coordinator does.

import { afterAll, beforeAll, describe } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { StoredRecord } from '../../src/registry/command.ts';
import type { EtcdStore } from '../../src/store/etcd/etcd-store.ts';
import type { CommitOutcome, Store, StoreItem } from '../../src/store/store.ts';
import { endPointsOf, newPrefix, openEtcdStore } from '../etcd/stores.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { storeContract } from './store-contract.ts';

const programs = etcdPrograms();
let cluster: EtcdCluster;

class CaughtUpStore implements Store {
  readonly #opening: Promise<EtcdStore>;
  #closed = false;

  constructor() {
    this.#opening = openEtcdStore(endPointsOf(cluster), newPrefix()).then(async (store) => {
      for await (const _ of store.load());
      return store;
    });
  }

  async *load(): AsyncIterable<readonly StoredRecord[]> {
    yield* (await this.#opening).load();
  }

  async commit(batch: readonly StoreItem[], withinMs?: number): Promise<CommitOutcome[]> {
    const store = await this.#opening;
    await store.catchUp();
    return store.commit(batch, withinMs);
  }

  async probe(): Promise<void> {
    await (await this.#opening).probe();
  }

  size(): number {
    return 0;
  }

  room(): number {
    return Infinity;
  }

  async backup(): Promise<void> {
    await (await this.#opening).backup();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await (await this.#opening).close();
  }
}

describe.skipIf(programs === undefined)('on an etcd of one server', () => {
  beforeAll(async () => {
    cluster = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
  });
  afterAll(async () => {
    await cluster.stop();
  });
  storeContract('etcd', () => new CaughtUpStore());
});
