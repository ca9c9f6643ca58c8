// The rate at which each part of a registry saturates, each taken alone. These limits ignore queueing, so they bound
// every simulation from above.
import { TRANSACTIONS_MAX } from '../../src/store/etcd/etcd-commit.ts';
import { type Members, PARAMETERS, writesOf } from './parameters.ts';

const SECOND = 1e6;

/** The limit of each part, in sessions a second. */
export interface Limits {
  readonly cores: number;
  readonly mainThreads: number;
  readonly coordinators: number;
  /** The leader of etcd, with full requests. Infinity if sessions write nothing. */
  readonly etcd: number;
}

/** The limits of a registry of `servers` servers. On lmdb (one server) there are no watch events and no etcd limit. */
export function limitsOf(servers: number, members: Members, store: 'lmdb' | 'etcd'): Limits {
  const { cores, mainThread, worker, coordinator, watchEvent, etcdRequest, etcdChange, lmdbChange } = PARAMETERS;
  const { changes, keys } = writesOf(members);
  const replayWork = store === 'etcd' ? keys * watchEvent.value : 0;
  const commandWork = coordinator.value + (store === 'lmdb' ? changes * lmdbChange.value : 0);
  const session = mainThread.value + worker.value + commandWork;
  const stored = changes * (etcdRequest.value / TRANSACTIONS_MAX + etcdChange.value);
  return {
    // A server serves its share of the sessions but receives the watch events of all.
    cores: (cores.value * SECOND) / (session / servers + replayWork),
    mainThreads: (servers * SECOND) / mainThread.value,
    coordinators: SECOND / (commandWork / servers + replayWork),
    etcd: store === 'etcd' && stored > 0 ? SECOND / stored : Infinity,
  };
}

/** The lowest limit and the part it belongs to. */
export function narrowest(limits: Limits): { readonly part: keyof Limits; readonly rate: number } {
  const parts = Object.entries(limits) as [keyof Limits, number][];
  const [part, rate] = parts.reduce((least, one) => (one[1] < least[1] ? one : least));
  return { part, rate };
}
