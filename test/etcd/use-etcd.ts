// One etcd for the tests of a describe, and the servers that they open on it.
import { afterAll, afterEach, beforeAll } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { etcdPrograms } from '../support/debian-programs.ts';
import { type EtcdServerUnderTest, endPointsOf } from './stores.ts';

/** An etcd that runs while the tests of a describe do. */
export interface UsedEtcd {
  endPoints(): string[];
  /** Servers of the present test; their stores are closed after it. */
  readonly open: EtcdServerUnderTest[];
  closeAll(): Promise<void>;
}

/** Call it in a describe that is skipped without `programs`. */
export function useEtcd(programs: ReturnType<typeof etcdPrograms>): UsedEtcd {
  let etcd: EtcdCluster | undefined;
  const open: EtcdServerUnderTest[] = [];
  const closeAll = async () => {
    for (const { store } of open.splice(0)) await store.close();
  };
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
  });
  afterAll(async () => {
    await etcd?.stop();
  });
  afterEach(closeAll);
  return { endPoints: () => endPointsOf(etcd!), open, closeAll };
}
