// Every measured number that the simulation uses, with its source. After a new measurement, change the number here and
// run `npm run simulate -- --write`.
import type { SessionCost } from './ceiling.ts';

/** A number and its source. Times are in microseconds unless the name says otherwise. */
export interface Measured {
  readonly value: number;
  readonly source: string;
}

/** Thread costs of the build that study.ts compares the simulation with. PROCESS_COSTS are of a later one. */
const SPLIT = 'perf of an earlier build';
/** Three etcd servers and everything else shared the two cores of one machine. */
const ETCD = 'bench:etcd on three nodes';

export const PARAMETERS = {
  /** Cores of a server's machine; each has one worker. */
  cores: { value: 2, source: 'the machine of all figures here' },
  /** Main thread time of a full session: Hello, Client, Create, Join, GetCluster, Bye. */
  mainThread: { value: 285, source: SPLIT },
  worker: { value: 615, source: `${SPLIT}: 520, and 95 that nobody else is charged with` },
  /** The part of `worker` that the Hello takes. */
  hello: { value: 310, source: `${SPLIT}: RSA 270, and a sixth of the rest` },
  coordinator: { value: 100, source: `${SPLIT}: 150 without what writes and syncs` },
  lmdbChange: { value: 24, source: `${SPLIT}: 50 for the 2.1 changes of a session` },
  lmdbSync: { value: 900, source: 'bench:joins with one client: 916 durable joins a second, less their CPU' },
  /** Time of the etcd leader for a request; `etcdChange` is added for each change in it. */
  etcdRequest: { value: 453, source: `${ETCD}: 1,852 requests of one change a second, 217 of 48` },
  etcdChange: {
    value: 159,
    source: `${ETCD}: 5,930 changes a second of members, less their part of a request; 7,872 in another run`,
  },
  /** Further latency of a reply (network, followers, disks), as a lognormal distribution. */
  etcdLatencyMedian: { value: 1_490, source: `${ETCD}: p50 of one change at a time` },
  etcdLatencyP99: { value: 5_710, source: `${ETCD}: p99 of one change at a time` },
  /** A server reads the latest revision from etcd before each batch. */
  etcdRead: { value: 114, source: `${ETCD}: CPU of the leader, 16 at once` },
  etcdReadLatencyMedian: { value: 570, source: `${ETCD}: p50 of one at a time` },
  /** Coordinator time to replay one written key, from its watch event into the table. */
  watchEvent: { value: 7.7, source: `${ETCD}: coordinator of a server that does nothing else` },
  /** Bytes of etcd's file for a member: the client record, the keys of the seat, and an eighth of a cluster. */
  etcdMemberBytes: { value: 2_843, source: `${ETCD}: 50,000 members; on one, a million` },
  memberBytes: { value: 390 + 680, source: 'bench:store: 390, and the token' },
  /** The load generator's CPU time for a session; used only where the generator shares the server's cores. */
  generator: {
    value: 510,
    source: 'bench:load at 128 connections: two cores ÷ 1,237 sessions a second, less the server',
  },
} as const satisfies Readonly<Record<string, Measured>>;

/** The measurement of PROCESS_COSTS. */
export const PROCESS_SOURCE = '`npm run bench:ceiling -- --sessions 6000 --warm-up 10000` on Node 22 with lmdb';

/** CPU time of a session by thread, as measured with these numbers of front ends (`--fronts`), in ascending order. */
export const PROCESS_COSTS: readonly { readonly fronts: number; readonly cost: SessionCost }[] = [
  { fronts: 1, cost: { main: 373, front: 0, coordinator: 133, workers: 576, rest: 54 } },
  { fronts: 2, cost: { main: 52, front: 350, coordinator: 110, workers: 525, rest: 26 } },
  { fronts: 4, cost: { main: 46, front: 468, coordinator: 100, workers: 592, rest: 185 } },
];

/**
 * The costs with so many front ends: those of the next larger number measured, otherwise of the largest. `ofOne` are
 * those of one front end, whose threads shared the two cores with fewer others.
 */
export function processCosts(fronts: number): { readonly measured: SessionCost; readonly ofOne: SessionCost } {
  const { cost: measured } = PROCESS_COSTS.find((each) => each.fronts >= fronts) ?? PROCESS_COSTS.at(-1)!;
  const { cost: one } = PROCESS_COSTS[0]!;
  // The main thread does the rest of what the only front end does for a session.
  return { measured, ofOne: { ...one, main: measured.main, front: one.main - measured.main } };
}

/** The largest quota that etcd recommends. */
export const ETCD_BYTES_MAX = 8 * 2 ** 30;
/** Members of a cluster. One of them creates it. */
export const CLUSTER_SIZE = 8;

/** New members register; returning members come back unchanged and write nothing. */
export type Members = 'new' | 'returning';

/** Changes that a session stores at each step that asks the coordinator: Client, Create, Join, GetCluster. */
export const CHANGES: Readonly<Record<Members, readonly [client: number, create: number, join: number, get: number]>> =
  {
    new: [1, 1 / CLUSTER_SIZE, 1, 0],
    returning: [0, 0, 0, 0],
  };

/** Keys that a change writes in etcd. Client: its record. Cluster: name and ID. Member: index, name and client. */
export const CHANGE_KEYS = { client: 1, cluster: 2, member: 3 } as const;

/** Keys that a change writes at each of these steps. */
export const KEYS = [CHANGE_KEYS.client, CHANGE_KEYS.cluster, CHANGE_KEYS.member, 0] as const;

/** Changes and keys that a whole session writes. */
export function writesOf(members: Members): { readonly changes: number; readonly keys: number } {
  const changes = CHANGES[members];
  return {
    changes: changes.reduce((sum, each) => sum + each, 0),
    keys: changes.reduce((sum, each, step) => sum + each * KEYS[step]!, 0),
  };
}
