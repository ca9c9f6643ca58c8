// Admission of several front ends over one memory: the limits hold for all of them together.

import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Admission } from '../../src/admission/admission.ts';
import { newAdmissionMemory, reclaimFront } from '../../src/admission/admission-memory.ts';
import type { ConnectionPermit } from '../../src/admission/connection-permit.ts';
import { readConfig } from '../../src/config.ts';
import { until } from '../support/until.ts';

const root = new URL('../../', import.meta.url);
const LIMITS = {
  ...readConfig([], {}),
  ...{ maxConnections: 4, maxConnectionsPerAddress: 3, maxHellosPerSecondPerAddress: 1, limitExempt: [] },
};
const idle = () => true;

const open: Admission[] = [];
afterEach(() => {
  for (const admission of open.splice(0)) admission.close();
});

/** Admissions of `fronts` front ends, with what each turned away. */
function admissions(fronts: number, limits = LIMITS) {
  const memory = newAdmissionMemory(fronts, 100);
  const away: string[] = [];
  const all = Array.from({ length: fronts }, (_, front) => {
    return new Admission(limits, memory, front, idle, (limit) => away.push(limit));
  });
  open.push(...all);
  return { memory, away, all: all as [Admission, Admission, ...Admission[]] };
}

/** Has a permit that is evicted as a connection does it: the close that frees it comes later. */
function evictable(permit: ConnectionPermit | undefined) {
  const state = { permit: permit!, evicted: false };
  permit!.evict = () => {
    state.evicted = true;
    permit!.ended('displaced');
  };
  return state;
}

describe('two front ends', () => {
  it('count connections in all and for each address together', () => {
    const { all, away } = admissions(2);
    const [a, b] = all;
    const greeted = [a, b, a].map((admission) => admission.takeFor('192.0.2.1')!);
    for (const permit of greeted) permit.greeted();
    expect(b.takeFor('192.0.2.1')).toBeUndefined();
    const other = b.takeFor('192.0.2.2')!;
    other.greeted();
    expect(a.takeFor('192.0.2.3')).toBeUndefined();
    expect(away).toEqual(['connections-per-address', 'connections']);
    greeted[1]!.free();
    expect([a.counts.connections, b.counts.connections, a.counts.addresses]).toEqual([3, 3, 2]);
    expect(b.takeFor('192.0.2.1')).toBeDefined();
  });

  it('charge Hellos of one address to one bucket', () => {
    const { all } = admissions(2);
    const permits = all.map((admission) => admission.takeFor('192.0.2.1')!);
    const taken = Array.from({ length: 20 }, (_, i) => permits[i % 2]!.takeHello());
    // A burst of ten seconds' worth; the eleventh comes a second later at the earliest.
    expect(taken.filter((limit) => limit === undefined)).toHaveLength(10);
    expect(taken.slice(10)).toEqual(new Array(10).fill('hellos-per-address'));
  });

  it('displace the oldest connection without a good Hello, whichever has it', async () => {
    const { all, away } = admissions(2);
    const [a, b] = all;
    const order = [b, a, b, a].map((admission, i) => evictable(admission.takeFor(`192.0.2.${i}`)));
    order[1]!.permit.greeted();
    expect(a.takeFor('192.0.2.10')).toBeDefined();
    // The place is taken at once; the other front end closes its connection in a turn of its own.
    expect(a.counts.connections).toBe(4);
    await until(() => order[0]!.evicted);
    order[0]!.permit.free();
    expect(a.counts.connections).toBe(4);
    expect(b.takeFor('192.0.2.11')).toBeDefined();
    expect(order.map(({ evicted }) => evicted)).toEqual([true, false, true, false]);
    expect(away).toEqual(['displaced', 'displaced']);
  });

  it('refuse a good Hello of a connection that has just been displaced', () => {
    const { all } = admissions(2);
    const [a, b] = all;
    const victim = evictable(b.takeFor('192.0.2.1'));
    for (let i = 2; i < 6; i++) a.takeFor(`192.0.2.${i}`);
    expect(victim.permit.greeted()).toBe(false);
    expect(victim.evicted).toBe(true);
  });

  it('give back what a dead one held, and nothing twice', () => {
    const { all, memory } = admissions(2);
    const [a, b] = all;
    const kept = a.takeFor('192.0.2.1')!;
    kept.greeted();
    b.takeFor('192.0.2.1')!.greeted();
    b.takeFor('192.0.2.1');
    b.takeFor('192.0.2.2');
    // Displaces a connection of the one that dies: its place has gone to this one.
    const taken = a.takeFor('192.0.2.3')!;
    expect(reclaimFront(memory, 1)).toBe(3);
    expect(reclaimFront(memory, 1)).toBe(0);
    expect(a.counts.connections).toBe(2);
    expect(a.use.connectionsOfAddress).toBe(1);
    const next = new Admission(LIMITS, memory, 1, idle, () => {});
    open.push(next);
    const [first, second, third] = [1, 1, 1].map((i) => next.takeFor(`192.0.2.${i}`));
    expect([first, second].every((permit) => permit !== undefined)).toBe(true);
    expect(third).toBeUndefined();
    for (const permit of [kept, taken, first!, second!]) permit.free();
    expect(a.counts.connections).toBe(0);
    expect(a.use.connectionsOfAddress).toBe(0);
  });
});

describe('front ends in threads', () => {
  it('never exceed a limit, and end at the exact counts', async () => {
    const [fronts, rounds, most, ofAddress] = [4, 40_000, 64, 20];
    const limits = { ...LIMITS, maxConnections: most, maxConnectionsPerAddress: ofAddress };
    const memory = newAdmissionMemory(fronts, most);
    const gate = new Int32Array(new SharedArrayBuffer(8 + 4 * fronts));
    const seed = Date.now() >>> 0;
    console.log(`seed ${seed}`);
    const counts = await Promise.all(
      Array.from({ length: fronts }, (_, front) => {
        const workerData = { memory, front, limits, rounds, gate, fronts, seed: seed + front };
        const worker = new Worker(busyFront, { eval: true, workerData });
        return new Promise<{ over: number; held: number; ofFirst: number; taken: number }>((resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
        });
      }),
    );
    const sum = (key: 'over' | 'held' | 'ofFirst' | 'taken') => counts.reduce((all, one) => all + one[key], 0);
    const view = new Admission(limits, memory, 0, idle, () => {});
    open.push(view);
    expect(sum('over')).toBe(0);
    expect(sum('taken')).toBeGreaterThan(most);
    expect(view.counts.connections).toBe(sum('held'));
    expect(view.use.connectionsOfAddress).toBeGreaterThanOrEqual(sum('ofFirst'));
    for (let front = 0; front < fronts; front++) reclaimFront(memory, front);
    expect(view.counts.connections).toBe(0);
    expect(view.use.connectionsOfAddress).toBe(0);
  });
});

/** Opens, greets and closes connections of four addresses at random; keeps what it has at the end. */
const busyFront = `
const { parentPort, workerData } = require('node:worker_threads');
const { memory, front, limits, rounds, gate, fronts, seed } = workerData;
(async () => {
  const { tsImport } = await import('${new URL('node_modules/tsx/dist/esm/api/index.mjs', root).href}');
  const load = (path) => tsImport('${root.href}' + path, '${root.href}');
  const { Admission } = await load('src/admission/admission.ts');
  const { Totals } = await load('src/admission/admission-memory.ts');
  const admission = new Admission(limits, memory, front, () => true, () => {});
  const totals = new Totals(memory.totals);
  let state = seed || 1;
  const random = (below) => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor((state / 2 ** 32) * below); };
  const open = [];
  let [over, taken] = [0, 0];
  Atomics.add(gate, 0, 1);
  Atomics.notify(gate, 0);
  for (let at = Atomics.load(gate, 0); at < fronts; at = Atomics.load(gate, 0)) Atomics.wait(gate, 0, at);
  for (let round = 0; round < rounds; round++) {
    // Evicts what the others have displaced.
    if (round % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (totals.connections > limits.maxConnections) over += 1;
    if (random(3) > 0) {
      const permit = admission.takeFor('192.0.2.' + random(4));
      if (permit) {
        taken += 1;
        const one = { permit, address: permit.address };
        permit.evict = () => { const at = open.indexOf(one); if (at >= 0) open.splice(at, 1); permit.free(); };
        open.push(one);
      }
    } else if (open.length > 0) {
      const { permit } = open[random(open.length)];
      if (random(2) === 0) permit.greeted();
      else { open.splice(open.findIndex((one) => one.permit === permit), 1); permit.free(); }
    }
  }
  Atomics.add(gate, 1, 1);
  Atomics.notify(gate, 1);
  while (Atomics.load(gate, 1) < fronts) await new Promise((resolve) => setTimeout(resolve, 1));
  // Connections that the others displaced at last are evicted in a turn of the event loop.
  const held = () => gate.slice(2).reduce((all, one) => all + one, 0);
  do {
    Atomics.store(gate, 2 + front, open.length);
    await new Promise((resolve) => setTimeout(resolve, 1));
  } while (held() !== totals.connections);
  const ofFirst = open.filter(({ address }) => address === '192.0.2.0').length;
  parentPort.postMessage({ over, taken, held: open.length, ofFirst });
  admission.close();
})();
`;
