// The ceiling of a process: computed from the CPU time of its threads, and measured with one front end.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ceilingOf, type SessionCost } from '../../bench/capacity-model/ceiling.ts';
import { processCosts } from '../../bench/capacity-model/parameters.ts';
import { parseThreads } from '../../bench/ceiling/thread-readings.ts';

const CEILING = fileURLToPath(new URL('../../dist/bench/ceiling/main.js', import.meta.url));
const SIMULATE = fileURLToPath(new URL('../../dist/bench/capacity-model/main.js', import.meta.url));
const COST: SessionCost = { main: 250, front: 0, coordinator: 100, workers: 600, rest: 50 };
/** The same with further front ends. */
const FURTHER: SessionCost = { ...COST, main: 50, front: 250 };

describe('the ceiling of a process', () => {
  it('is that of its cores while they are few', () => {
    const busy = { cores: 1, 'main thread': 0.5, coordinator: 0.2 };
    expect(ceilingOf(COST, 1, 2)).toEqual({ part: 'cores', rate: 2_000, busy });
  });

  it('is that of its main thread, of its further front ends, then of its coordinator', () => {
    expect(ceilingOf(COST, 1, 16)).toMatchObject({ part: 'main thread', rate: 4_000 });
    const busy = { 'main thread': 0.4, coordinator: 0.8 };
    expect(ceilingOf(FURTHER, 2, 16)).toMatchObject({ part: 'front ends', rate: 8_000, busy });
    expect(ceilingOf(FURTHER, 4, 16)).toMatchObject({ part: 'coordinator', rate: 10_000 });
  });

  const time = fc.double({ min: 1, max: 10_000, noNaN: true });
  const costs = fc.record({ main: time, front: time, coordinator: time, workers: time, rest: time });
  const count = fc.integer({ min: 1, max: 64 });
  /** Allows for rounding only. */
  const EXACT = 1 + 1e-9;

  it('has one part that is full, and none that is over its rate', () => {
    fc.assert(
      fc.property(costs, count, count, (cost, fronts, cores) => {
        const { part, rate, busy } = ceilingOf(cost, fronts, cores);
        expect(busy[part]).toBeCloseTo(1);
        for (const share of Object.values(busy)) expect(share).toBeLessThanOrEqual(EXACT);
        expect(rate * cost.main).toBeLessThanOrEqual(1e6 * EXACT);
        if (fronts > 1) expect((rate / fronts) * cost.front).toBeLessThanOrEqual(1e6 * EXACT);
        expect(rate * cost.coordinator).toBeLessThanOrEqual(1e6 * EXACT);
        // All threads together.
        const spent = rate * (cost.main + cost.front + cost.coordinator + cost.workers + cost.rest);
        expect(spent).toBeLessThanOrEqual(cores * 1e6 * EXACT);
      }),
    );
  });

  it('never falls with more cores, and halves where every cost doubles', () => {
    fc.assert(
      fc.property(costs, count, count, count, (cost, fronts, cores, more) => {
        const { rate } = ceilingOf(cost, fronts, cores);
        expect(ceilingOf(cost, fronts, cores + more).rate).toBeGreaterThanOrEqual(rate);
        const doubled = Object.fromEntries(Object.entries(cost).map(([thread, value]) => [thread, value * 2]));
        expect(ceilingOf(doubled as unknown as SessionCost, fronts, cores).rate).toBeCloseTo(rate / 2);
      }),
    );
  });

  it('never falls with one more of several front ends', () => {
    fc.assert(
      fc.property(costs, count, count, (cost, fronts, cores) => {
        const more = ceilingOf(cost, fronts + 2, cores).rate;
        expect(more * EXACT).toBeGreaterThanOrEqual(ceilingOf(cost, fronts + 1, cores).rate);
      }),
    );
  });
});

it('answers for one process by its cores and front ends', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [SIMULATE, '--cores', '2,16', '--fronts', '1,4']);
  const line = / (\d+) cores: +(\d+) sessions\/s, full first: ([a-z ]+);/g;
  const found = [...stdout.matchAll(line)].map(([, cores, rate, part]) => [Number(cores), Number(rate), part]);
  const rows = (fronts: number, cost: SessionCost) =>
    [2, 16].map((cores) => {
      const { rate, part } = ceilingOf(cost, fronts, cores);
      return [cores, Math.round(rate), part];
    });
  const { measured, ofOne } = processCosts(4);
  const expected = [...rows(1, processCosts(1).measured), ...rows(4, measured), ...rows(4, ofOne)];
  expect(found).toEqual(expected);
});

it('reads CPU time by thread and sessions by front end from a page of metrics', () => {
  const page = [
    'xlreg_thread_cpu_seconds_total{thread="main"} 1.5',
    'xlreg_thread_cpu_seconds_total{thread="front-1"} 1.25',
    'xlreg_front_sessions_started_total{front="0"} 10',
    'xlreg_front_sessions_started_total{front="1"} 12',
  ];
  const { cpuSeconds, started } = parseThreads(page.join('\n'));
  expect(Object.fromEntries(cpuSeconds)).toEqual({ main: 1.5, 'front-1': 1.25 });
  expect(started).toEqual([10, 12]);
});

it('measures a server with one front end', async () => {
  const shape = ['--fronts', '1', '--sessions', '64', '--warm-up', '16', '--connections', '8', '--store', 'memory'];
  const { stdout } = await promisify(execFile)(process.execPath, [CEILING, ...shape]);
  expect(stdout).toMatch(/^1 front end: \d+ us of CPU a session in all$/m);
  for (const thread of ['main', 'coordinator']) {
    expect(stdout).toMatch(new RegExp(`^  ${thread} +\\d+ us a session, full at \\d+ sessions/s`, 'm'));
  }
  expect(stdout).toMatch(/^ {4}16 cores: +\d+ sessions\/s, full first: (main thread|coordinator|cores); /m);
});
