// Simulates a registry under load, event by event. The same order (seed included) gives the same result.
import { seededRandom } from '../load/open-loop.ts';
import { EventQueue } from './event-queue.ts';
import type { Members } from './parameters.ts';
import { Server } from './server.ts';
import { EtcdModel, LmdbModel } from './stores.ts';

/** The system and the load to simulate. */
export interface SimulationOrder {
  readonly store: 'lmdb' | 'etcd';
  /** Always 1 with lmdb. */
  readonly servers: number;
  readonly members: Members;
  /** Open loop: Poisson arrivals, `rate` sessions a second, each at a random server. Closed loop: fixed connections. */
  readonly load: { readonly rate: number } | { readonly connections: number };
  /** Sessions in all. The first fifth warms up and counts for no latency. */
  readonly sessions: number;
  readonly seed: number;
  /** Puts the load generator on the first server's cores. */
  readonly generator?: boolean;
}

/** The result of a simulation. */
export interface SimulationResult {
  /**
   * Sessions completed a second, from the start to the last arrival. All their work was done within that time, so the
   * rate cannot exceed the capacity. It is slightly below, because the system starts empty.
   */
  readonly throughput: number;
  /** Milliseconds from arrival to completion of the sessions after the warm-up. */
  readonly p50: number;
  readonly p99: number;
  /** Utilization (0 to 1) of the servers' cores and of the etcd leader. */
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
    for (const server of servers) server.replay(keys);
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
