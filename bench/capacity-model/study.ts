// Runs the simulations of docs/explanation/capacity.md: capacity and latency of registries of 1 to 64 servers, one
// server beside its measurement, and the fleet for given clusters and rates.
import { limitsOf, narrowest } from './limits.ts';
import { CLUSTER_SIZE, ETCD_BYTES_MAX, type Members, PARAMETERS } from './parameters.ts';
import { type SimulationResult, simulate } from './simulate.ts';

/** The extent of a study. */
export interface StudyScope {
  readonly servers: readonly number[];
  /** Least number of sessions in a run. */
  readonly sessions: number;
  readonly seed: number;
}

/** The results for a registry of `servers` servers on one etcd. */
export interface StudyRow {
  readonly servers: number;
  readonly members: Members;
  /** The part that saturates first, and the sessions a second that it allows without queueing. */
  readonly limit: ReturnType<typeof narrowest>;
  /** Closed loop with CONNECTIONS connections for each server. */
  readonly highest: SimulationResult;
  /** Open loop at each of SHARES of the highest rate. */
  readonly at: readonly SimulationResult[];
}

/** Connections for each server in the closed loop that finds the highest rate. */
export const CONNECTIONS = 256;
/** Shares of the highest rate at which latency is measured. */
export const SHARES = [0.5, 0.8] as const;
/** Least number of sessions for each connection. */
const SESSIONS_A_CONNECTION = 16;

/** Simulates every row; calls `done` after each. */
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

/** A measurement of one server beside its simulated value. */
export interface Validation {
  readonly what: string;
  readonly measured: number;
  readonly simulated: number;
}

/** Simulates one server on lmdb that shares its two cores with the load, as in `npm run bench` (bench/README.md). */
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

/** Storage and memory for a number of clusters. */
export interface Size {
  readonly clusters: number;
  readonly members: number;
  readonly etcdBytes: number;
  /** For each server. */
  readonly memoryBytes: number;
  /** Registries needed, each with its own etcd. */
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

/** Registries and servers for a rate of sessions. */
export interface Fleet {
  readonly members: Members;
  readonly rate: number;
  readonly registries: number;
  readonly serversEach: number;
}

/** The smallest fleet of equal registries that carries `rate` at the highest of SHARES; etcd servers count too. */
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

/** etcd servers of each registry. */
export const ETCD_NODES = 3;
