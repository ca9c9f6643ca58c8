// How the open and the closed loop measure a server that stalls, and how they treat failures.
import { expect, it } from 'vitest';
import { runClosedLoop } from '../../bench/load/closed-loop.ts';
import { runOpenLoop } from '../../bench/load/open-loop.ts';
import { Tally } from '../../bench/load/tally.ts';
import { HelloRefused, RegistryUnreachable } from '../../src/client/errors.ts';
import { VirtualClock } from './virtual-clock.ts';

const STALL = { from: 1_000, to: 2_000 };
const SERVICE_MS = 1;
const EVEN = { mode: 'open', rate: 100, spacing: 'even', seed: 1, inFlightMax: 1_000 } as const;

/** A server that takes 1 ms for each unit, one at a time, and stalls for one second. */
function stallingServer(clock: VirtualClock): () => Promise<void> {
  let free = 0;
  return () => {
    const earliest = Math.max(clock.now(), free);
    const begins = earliest >= STALL.from && earliest < STALL.to ? STALL.to : earliest;
    free = begins + SERVICE_MS;
    return clock.until(free);
  };
}

it('an open loop sees a stall in every unit that was due meanwhile', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  await clock.run(runOpenLoop(EVEN, 300, stallingServer(clock), tally, clock));
  expect(tally.completed).toBe(300);
  // A third of the units fell due during the stall; their waits spread evenly from 0 to 1 s.
  expect(tally.latency.percentile(50)).toBeLessThan(2);
  expect(tally.latency.percentile(80)).toBeGreaterThan(300);
  expect(tally.latency.max).toBeGreaterThan(985);
  expect(tally.lateness.max).toBe(0);
});

it('a closed loop sees the same stall once', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  await clock.run(runClosedLoop({ mode: 'closed', connections: 1 }, 2_000, stallingServer(clock), tally, clock));
  expect(tally.completed).toBe(2_000);
  expect(tally.latency.percentile(99.9)).toBeLessThan(2);
  expect(tally.latency.max).toBeGreaterThan(985);
});

it('a closed loop starts nothing after its time limit', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  const arrivals = { mode: 'closed', connections: 2, secondsMax: 3 } as const;
  await clock.run(runClosedLoop(arrivals, 1_000, () => clock.until(clock.now() + 100), tally, clock));
  expect(tally.completed).toBe(60);
});

it('counts latency from the due time, even if the generator is late', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  const late = { now: () => clock.now(), until: (time: number) => clock.until(time + 7) };
  const work = runOpenLoop({ ...EVEN, rate: 10 }, 20, () => clock.until(clock.now() + SERVICE_MS), tally, late);
  await clock.run(work);
  expect(tally.lateness.percentile(50)).toBeCloseTo(7, 1);
  expect(tally.latency.percentile(50)).toBeCloseTo(8, 1);
});

it.each([
  ['closed', { mode: 'closed', connections: 1 }, runClosedLoop],
  ['open', { ...EVEN, rate: 1 }, runOpenLoop],
] as const)(
  'the %s loop retries a unit whose Hello is turned away, and counts the wait as latency',
  async (_, arrivals, loop) => {
    const [clock, tally] = [new VirtualClock(), new Tally()];
    let left = 3;
    const run = async () => {
      if (left-- > 0) throw new HelloRefused('full');
    };
    await clock.run(loop(arrivals as never, 1, run, tally, clock));
    expect(tally).toMatchObject({ completed: 1, failed: 0, turnedAway: 3 });
    expect(tally.latency.max).toBeCloseTo(30, 0);
  },
);

it('counts a failure after 200 Hellos that were turned away', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  const refuse = () => Promise.reject(new HelloRefused('full'));
  await clock.run(runClosedLoop({ mode: 'closed', connections: 1 }, 2, refuse, tally, clock));
  expect(tally).toMatchObject({ completed: 0, failed: 2, turnedAway: 398 });
  expect(tally.report(1, 1).failures).toEqual({ full: 2 });
});

it('counts any other error as a failure at once', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  const fail = () => Promise.reject(new RegistryUnreachable('gone'));
  await clock.run(runClosedLoop({ mode: 'closed', connections: 1 }, 1, fail, tally, clock));
  expect(tally).toMatchObject({ failed: 1, turnedAway: 0 });
});

it('drops and counts units that are due while too many are pending', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  await clock.run(runOpenLoop({ ...EVEN, inFlightMax: 10 }, 300, stallingServer(clock), tally, clock));
  expect(tally.dropped).toBeGreaterThan(80);
  expect(tally.completed + tally.dropped).toBe(300);
});

it('repeats the Poisson arrivals of a seed, at the given rate', async () => {
  const startsOf = async (seed: number) => {
    const [clock, starts] = [new VirtualClock(), [] as number[]];
    const run = async () => void starts.push(clock.now());
    await clock.run(runOpenLoop({ ...EVEN, spacing: 'poisson', seed }, 2_000, run, new Tally(), clock));
    return starts;
  };
  const starts = await startsOf(5);
  expect(await startsOf(5)).toEqual(starts);
  expect(await startsOf(6)).not.toEqual(starts);
  expect(starts.at(-1)! / starts.length).toBeCloseTo(10, 0);
});

it('counts failures by message, up to a bound, and the rest as other', async () => {
  const [clock, tally] = [new VirtualClock(), new Tally()];
  const run = (unit: number) => Promise.reject(new Error(unit < 100 ? 'refused' : `kind ${unit}`));
  await clock.run(runOpenLoop(EVEN, 300, run, tally, clock));
  expect(tally.failed).toBe(300);
  const { failures } = tally.report(1, 1);
  expect(failures).toMatchObject({ refused: 100, other: 193 });
  expect(Object.keys(failures)).toHaveLength(9);
});
