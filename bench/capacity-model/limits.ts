// Where each part of a registry on etcd is used up, if nothing else were: sessions a second. No queue is in it, so no
// simulation can do better.
import { TRANSACTIONS_MAX } from '../../src/store/etcd/etcd-commit.ts';
import { type Members, PARAMETERS, writesOf } from './parameters.ts';

const SECOND = 1e6;

/** Sessions a second. */
export interface Limits {
  readonly cores: number;
  readonly mainThreads: number;
  readonly coordinators: number;
  /** The leader of etcd, with every request full; Infinity where nothing is written. */
  readonly etcd: number;
}

/** Of a registry of so many servers on one etcd; on lmdb (one server) nothing is heard of others and etcd is no limit. */
export function limitsOf(servers: number, members: Members, store: 'lmdb' | 'etcd'): Limits {
  const { cores, mainThread, worker, coordinator, watchEvent, etcdRequest, etcdChange, lmdbChange } = PARAMETERS;
  const { changes, keys } = writesOf(members);
  const heard = store === 'etcd' ? keys * watchEvent.value : 0;
  const asked = coordinator.value + (store === 'lmdb' ? changes * lmdbChange.value : 0);
  const session = mainThread.value + worker.value + asked;
  const stored = changes * (etcdRequest.value / TRANSACTIONS_MAX + etcdChange.value);
  return {
    // A server has its share of the sessions, and hears of all of them.
    cores: (cores.value * SECOND) / (session / servers + heard),
    mainThreads: (servers * SECOND) / mainThread.value,
    coordinators: SECOND / (asked / servers + heard),
    etcd: store === 'etcd' && stored > 0 ? SECOND / stored : Infinity,
  };
}

/** The least of them, and which it is. */
export function narrowest(limits: Limits): { readonly part: keyof Limits; readonly rate: number } {
  const parts = Object.entries(limits) as [keyof Limits, number][];
  const [part, rate] = parts.reduce((least, one) => (one[1] < least[1] ? one : least));
  return { part, rate };
}
