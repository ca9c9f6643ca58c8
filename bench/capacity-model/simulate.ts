// Runs a registry of some servers under a load, event by event. The same order gives the same result.
import { seededRandom } from '../load/open-loop.ts';
import { EventQueue } from './event-queue.ts';
import type { Members } from './parameters.ts';
import { Server } from './server.ts';
import { EtcdModel, LmdbModel } from './stores.ts';

/** What to simulate. */
export interface SimulationOrder {
  readonly store: 'lmdb' | 'etcd';
  /** With lmdb there can be one only. */
  readonly servers: number;
  readonly members: Members;
  /** Sessions a second, a Poisson process over all servers, each chosen at random; or so many connections, begun anew. */
  readonly load: { readonly rate: number } | { readonly connections: number };
  /** Sessions; the first fifth of them counts for no latency. */
  readonly sessions: number;
  readonly seed: number;
  /** Whether the load comes from a thread on the first server's cores. */
  readonly generator?: boolean;
}

/** What came of it. */
export interface SimulationResult {
  /**
   * Sessions completed a second from the beginning to the last arrival. All work for them was done in that time, so that it
   * cannot be more than there is capacity for; it is a little less, because at first nothing is under way.
   */
  readonly throughput: number;
  /** Milliseconds from arrival to completion, of those that arrived after the warming up. */
  readonly p50: number;
  readonly p99: number;
  /** Share of the servers' cores, and of the leader of etcd, that was in use. */
  readonly cores: number;
  readonly etcd: number;
}

const WARMING_SHARE = 0.2;

export function simulate(order: SimulationOrder): SimulationResult {
  const { store, servers: count, members, load, sessions, seed, generator = false } = order;
  const events = new EventQueue();
  const random = seededRandom(seed);
  const servers: Server[] = [];
  const etcd = new EtcdModel(events, random, (keys) => {
    for (const server of servers) server.hear(keys);
  });
  const own = new LmdbModel(events);
  for (let i = 0; i < count; i++) {
    servers.push(new Server(events, store === 'etcd' ? etcd : own, random, members, generator && i === 0));
  }

  const warming = Math.floor(sessions * WARMING_SHARE);
  const latencies: number[] = [];
  let [begun, ended, endedInTime, lastArrival] = [0, 0, 0, Infinity];
  const begin = (then: () => void) => {
    const arrival = events.now;
    const number = begun++;
    if (begun === sessions) lastArrival = arrival;
    servers[Math.floor(random() * count)]!.serve(() => {
      ended += 1;
      if (number >= warming) latencies.push((events.now - arrival) / 1_000);
      if (events.now <= lastArrival) endedInTime += 1;
      then();
    });
  };
  if ('connections' in load) {
    const again = () => {
      if (begun < sessions) begin(again);
    };
    for (let i = 0; i < load.connections; i++) again();
  } else {
    const arrive = () => {
      begin(() => {});
      if (begun < sessions) events.after((-Math.log(1 - random()) * 1e6) / load.rate, arrive);
    };
    arrive();
  }
  events.run(() => ended === sessions);

  latencies.sort((one, other) => one - other);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]!;
  const busy = servers.reduce((sum, { machine }) => sum + machine.busy, 0);
  return {
    throughput: (endedInTime / lastArrival) * 1e6,
    p50: percentile(0.5),
    p99: percentile(0.99),
    cores: busy / (events.now * count * servers[0]!.machine.cores),
    etcd: store === 'etcd' ? etcd.busy / events.now : 0,
  };
}
