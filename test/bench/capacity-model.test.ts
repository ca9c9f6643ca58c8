// Laws that the simulation keeps for any parameters, and the match of docs/explanation/capacity.md with the parameters.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../bench/capacity-model/event-queue.ts';
import { limitsOf, narrowest } from '../../bench/capacity-model/limits.ts';
import { type Members, PARAMETERS, writesOf } from '../../bench/capacity-model/parameters.ts';
import { type SimulationOrder, simulate } from '../../bench/capacity-model/simulate.ts';
import { fleetFor, sizeOf, study } from '../../bench/capacity-model/study.ts';
import { printNumber } from '../../bench/report/report.ts';

const seed = Number(process.env.XLREG_SEED ?? Date.now() % 1_000_000_000);
console.log(`simulations with seed ${seed}`);

const order = (fields: Partial<SimulationOrder>): SimulationOrder => ({
  ...{ store: 'etcd', servers: 2, members: 'new', load: { rate: 300 }, sessions: 4_000, seed },
  ...fields,
});
const KINDS: readonly Members[] = ['new', 'returning'];

describe.each(KINDS)('%s members', (members) => {
  it.each([1, 2, 8, 32])('%d servers never exceed their narrowest limit', (servers) => {
    const { rate } = narrowest(limitsOf(servers, members, 'etcd'));
    for (const load of [{ connections: 128 * servers }, { rate: rate * 0.5 }, { rate: rate * 2 }]) {
      const { throughput } = simulate(order({ servers, members, load, sessions: 2_000 * servers }));
      // The margin covers the random number of sessions that create a cluster: one in eight on average.
      expect(throughput).toBeLessThanOrEqual(rate * 1.02);
      expect(throughput).toBeGreaterThan(0);
    }
  });

  it('gives the same result for the same seed, and another for another', () => {
    const one = simulate(order({ members }));
    expect(simulate(order({ members }))).toEqual(one);
    expect(simulate(order({ members, seed: seed + 1 }))).not.toEqual(one);
  });

  it('has a latency that grows with the load', () => {
    const { rate } = narrowest(limitsOf(2, members, 'etcd'));
    const latencies = [0.1, 0.7, 1.5].map((share) => simulate(order({ members, load: { rate: rate * share } })).p50);
    expect(latencies).toEqual(latencies.toSorted((one, other) => one - other));
    expect(latencies[2]).toBeGreaterThan(latencies[0]! * 2);
  });

  it('never lowers a limit with more servers, and leaves etcd unlimited only without writes', () => {
    for (const [fewer, more] of [
      [1, 2],
      [16, 64],
    ] as const) {
      const [before, after] = [limitsOf(fewer, members, 'etcd'), limitsOf(more, members, 'etcd')];
      for (const part of Object.keys(before) as (keyof typeof before)[]) {
        expect(after[part]).toBeGreaterThanOrEqual(before[part]);
      }
      expect(after.etcd === Infinity).toBe(members === 'returning');
    }
  });
});

it('bounds the whole registry by the watch events that every server replays', () => {
  const bound = 1e6 / (writesOf('new').keys * PARAMETERS.watchEvent.value);
  expect(limitsOf(1e6, 'new', 'etcd').coordinators).toBeGreaterThan(bound * 0.99);
  expect(limitsOf(1e6, 'new', 'etcd').coordinators).toBeLessThan(bound);
});

it('serves at a low load the rate that arrives, within the spread of a Poisson process', () => {
  for (const store of ['lmdb', 'etcd'] as const) {
    const { throughput } = simulate(order({ store, servers: 1, load: { rate: 200 } }));
    expect(Math.abs(throughput / 200 - 1)).toBeLessThan(5 / Math.sqrt(4_000));
  }
});

it('runs events by time, and events of one time in the order of planning', () => {
  const events = new EventQueue();
  const seen: string[] = [];
  const at = (time: number, name: string) => events.after(time, () => seen.push(`${name}@${events.now}`));
  at(5, 'e');
  at(1, 'a');
  at(5, 'f');
  at(3, 'c');
  events.after(3, () => at(0, 'd'));
  at(0, 'z');
  events.run(() => false);
  expect(seen).toEqual(['z@0', 'a@1', 'c@3', 'd@3', 'e@5', 'f@5']);
});

it('sizes a fleet that carries the rate, and registries that hold the clusters', () => {
  const rows = study({ servers: [1, 2], sessions: 2_000, seed }, () => {});
  expect(rows).toHaveLength(4);
  const fleet = fleetFor(5_000, 'returning', rows);
  const { highest } = rows.find(({ members, servers }) => members === 'returning' && servers === fleet.serversEach)!;
  expect(fleet.registries * highest.throughput * 0.8).toBeGreaterThanOrEqual(5_000);
  expect(sizeOf(1_000).registries).toBe(1);
  expect(sizeOf(100_000_000).registries).toBeGreaterThan(1);
});

it('docs/explanation/capacity.md shows the present parameters', () => {
  const page = readFileSync(new URL('../../docs/explanation/capacity.md', import.meta.url), 'utf8');
  for (const [name, { value, source }] of Object.entries(PARAMETERS)) {
    expect(page).toContain(`| \`${name}\` | ${printNumber(value)} | ${source} |`);
  }
});
