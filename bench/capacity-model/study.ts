// What is asked of the simulation: how much registries of 1 to 64 servers carry and how long sessions take then, whether
// one server comes out as it was measured, and what so many clusters and sessions need.
import { limitsOf, narrowest } from './limits.ts';
import { CLUSTER_SIZE, ETCD_BYTES_MAX, type Members, PARAMETERS } from './parameters.ts';
import { type SimulationResult, simulate } from './simulate.ts';

/** How thorough a study is. */
export interface StudyScope {
  readonly servers: readonly number[];
  /** Sessions of a run, at least. */
  readonly sessions: number;
  readonly seed: number;
}

/** A registry of so many servers on one etcd. */
export interface StudyRow {
  readonly servers: number;
  readonly members: Members;
  /** The part that is used up first, if there were no queues, and the sessions a second it allows. */
  readonly limit: ReturnType<typeof narrowest>;
  /** Sessions a second at CONNECTIONS for each server, each beginning anew when it is done. */
  readonly highest: SimulationResult;
  /** At shares of the highest rate, by SHARES. */
  readonly at: readonly SimulationResult[];
}

/** Connections of a server at its highest rate. */
export const CONNECTIONS = 256;
/** Of the highest rate, at which latency is looked at. */
export const SHARES = [0.5, 0.8] as const;
/** Sessions of each connection, at least, where those are many. */
const SESSIONS_A_CONNECTION = 16;

/** Simulates; `done` hears of each row. */
export function study({ servers, sessions, seed }: StudyScope, done: (row: StudyRow) => void): StudyRow[] {
  const rows: StudyRow[] = [];
  for (const members of ['new', 'returning'] as const) {
    for (const count of servers) {
      const connections = CONNECTIONS * count;
      const order = { store: 'etcd', servers: count, members, seed } as const;
      const many = Math.max(sessions, connections * SESSIONS_A_CONNECTION);
      const highest = simulate({ ...order, load: { connections }, sessions: many });
      const at = SHARES.map((share) => simulate({ ...order, load: { rate: highest.throughput * share }, sessions }));
      const row = { servers: count, members, limit: narrowest(limitsOf(count, members, 'etcd')), highest, at };
      rows.push(row);
      done(row);
    }
  }
  return rows;
}

/** What one server was measured at, and what the simulation makes of it. */
export interface Validation {
  readonly what: string;
  readonly measured: number;
  readonly simulated: number;
}

/** One server on lmdb with the load on its own two cores, as `npm run bench` has it; measured: bench/README.md. */
export function validate(sessions: number, seed: number): Validation[] {
  const order = { store: 'lmdb', servers: 1, members: 'new', sessions, seed, generator: true } as const;
  const [many, few] = [128, 16].map((connections) => simulate({ ...order, load: { connections } }).throughput);
  const { p50, p99 } = simulate({ ...order, load: { rate: many! * 0.7 } });
  return [
    { what: 'sessions/s, 128 connections', measured: 1_200, simulated: many! },
    { what: 'sessions/s, 16 connections', measured: 950, simulated: few! },
    { what: 'p50 at 70 % of the highest rate, ms', measured: 17, simulated: p50 },
    { what: 'p99 at 70 % of the highest rate, ms', measured: 47, simulated: p99 },
  ];
}

/** What a number of clusters takes. */
export interface Size {
  readonly clusters: number;
  readonly members: number;
  readonly etcdBytes: number;
  /** Of each server. */
  readonly memoryBytes: number;
  /** Registries, each with an etcd of its own, that hold them. */
  readonly registries: number;
}

export function sizeOf(clusters: number): Size {
  const members = clusters * CLUSTER_SIZE;
  const etcdBytes = members * PARAMETERS.etcdMemberBytes.value;
  const registries = Math.ceil(etcdBytes / ETCD_BYTES_MAX);
  return {
    clusters,
    members,
    etcdBytes,
    memoryBytes: (members * PARAMETERS.memberBytes.value) / registries,
    registries,
  };
}

/** What a rate of sessions takes. */
export interface Fleet {
  readonly members: Members;
  readonly rate: number;
  readonly registries: number;
  readonly serversEach: number;
}

/** As few servers as carry the rate at the higher of SHARES: as many registries as it takes, all alike. */
export function fleetFor(rate: number, members: Members, rows: readonly StudyRow[]): Fleet {
  const share = SHARES.at(-1)!;
  const fleets = rows
    .filter((row) => row.members === members)
    .map(({ servers, highest }) => ({
      ...{ members, rate, serversEach: servers },
      registries: Math.ceil(rate / (highest.throughput * share)),
    }));
  const cost = ({ registries, serversEach }: Fleet) => registries * (serversEach + ETCD_NODES);
  return fleets.reduce((least, one) => (cost(one) < cost(least) ? one : least));
}

/** Machines that etcd takes for each registry. */
export const ETCD_NODES = 3;
