// What the simulation takes from measurements: every number of it stands here, with where it comes from. After a new
// measurement change it here and run `npm run simulate -- --write`.

/** A number, and how it was found. Times are microseconds unless the name says otherwise. */
export interface Measured {
  readonly value: number;
  readonly source: string;
}

const SPLIT = 'perf, docs/reference/benchmarks.md';
/** Three nodes of etcd and all else on the two cores of one machine. */
const ETCD = 'bench:etcd on three nodes';

export const PARAMETERS = {
  /** Cores of a server's machine; a worker each. */
  cores: { value: 2, source: 'the machine of all figures here' },
  /** Of a full session: Hello, Client, Create, Join, GetCluster, Bye. */
  mainThread: { value: 285, source: SPLIT },
  worker: { value: 615, source: `${SPLIT}: 520, and 95 that nobody else is charged with` },
  /** Of it, of the worker's time, the Hello. */
  hello: { value: 310, source: `${SPLIT}: RSA 270, and a sixth of the rest` },
  coordinator: { value: 100, source: `${SPLIT}: 150 without what writes and syncs` },
  lmdbChange: { value: 24, source: `${SPLIT}: 50 for the 2.1 changes of a session` },
  lmdbSync: { value: 900, source: 'bench:joins with one client: 916 durable joins a second, less their CPU' },
  /** A request to etcd takes it this long, and so much more for each change in it. */
  etcdRequest: { value: 453, source: `${ETCD}: 1,852 requests of one change a second, 217 of 48` },
  etcdChange: {
    value: 159,
    source: `${ETCD}: 5,930 changes a second of members, less their part of a request; 7,872 in another run`,
  },
  /** What else an answer takes, as a lognormal distribution: network, the followers and their disks. */
  etcdLatencyMedian: { value: 1_490, source: `${ETCD}: p50 of one change at a time` },
  etcdLatencyP99: { value: 5_710, source: `${ETCD}: p99 of one change at a time` },
  /** A server asks etcd before each batch how far the table has come. */
  etcdRead: { value: 114, source: `${ETCD}: CPU of the leader, 16 at once` },
  etcdReadLatencyMedian: { value: 570, source: `${ETCD}: p50 of one at a time` },
  /** A key that another server, or this one, has written, until it is in the table. */
  watchEvent: { value: 7.7, source: `${ETCD}: coordinator of a server that does nothing else` },
  /** Bytes of etcd's file for a member: its client's record, the keys of its seat, and an eighth of a cluster. */
  etcdMemberBytes: { value: 2_843, source: `${ETCD}: 50,000 members; on one, a million` },
  memberBytes: { value: 390 + 680, source: 'bench:store: 390, and the token' },
  /** The load generator's CPU for a session; only where it runs on the server's own cores, as in the benchmarks. */
  generator: {
    value: 510,
    source: 'bench:load at 128 connections: two cores ÷ 1,237 sessions a second, less the server',
  },
} as const satisfies Readonly<Record<string, Measured>>;

/** etcd is not to be given a larger quota. */
export const ETCD_BYTES_MAX = 8 * 2 ** 30;
/** Members of a cluster, of which one creates it. */
export const CLUSTER_SIZE = 8;

/** Whether members are new to the registry, or come back to it as they were and change nothing. */
export type Members = 'new' | 'returning';

/** Changes that a session stores at each of its steps that asks the coordinator: Client, Create, Join, GetCluster. */
export const CHANGES: Readonly<Record<Members, readonly [client: number, create: number, join: number, get: number]>> =
  {
    new: [1, 1 / CLUSTER_SIZE, 1, 0],
    returning: [0, 0, 0, 0],
  };

/** Keys that a change writes in etcd: a client's one; a cluster's name and ID; a seat's index, name and client. */
export const CHANGE_KEYS = { client: 1, cluster: 2, member: 3 } as const;

/** The same for each of those steps. */
export const KEYS = [CHANGE_KEYS.client, CHANGE_KEYS.cluster, CHANGE_KEYS.member, 0] as const;

/** Changes, and keys written, of a session in all. */
export function writesOf(members: Members): { readonly changes: number; readonly keys: number } {
  const changes = CHANGES[members];
  return {
    changes: changes.reduce((sum, each) => sum + each, 0),
    keys: changes.reduce((sum, each, step) => sum + each * KEYS[step]!, 0),
  };
}
