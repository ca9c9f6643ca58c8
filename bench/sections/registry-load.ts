// The loads that the sections put on a server.
import { type LoadShape, type LoadWithCpu, PreparedLoad } from '../load/load-and-cpu.ts';
import type { Target } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import type { Scope } from './section.ts';

/** What a section says of its load; the rest is the most usual. */
export type PartialShape = Pick<LoadShape, 'work' | 'arrivals' | 'count'> & Partial<LoadShape>;

/** Clusters of the size that most measurements use. */
export const FULL = { kind: 'full', clusterSize: 8, members: 'new' } as const;

/** Units of work before those that count, where there are so many. */
const WARM_UP = 800;
const WARM_UP_SECONDS_MAX = 1;

/** No load of a section takes longer, however slow the machine is: the suite has to end. */
const SECONDS_MAX = 2.5;

/**
 * Sessions after which a server is as fast as it gets. V8 compiles 1,060 functions during the first 3,000 of them, 160
 * during the next, and 40 in 3,000 after 12,000 (`--trace-opt`): what a process that runs for weeks pays once.
 */
const STEADY_AFTER = 12_000;
const STEADY_SECONDS_MAX = 8;

let loads = 0;

/** Makes a server as warm as one that has run for a while. */
export async function steadyServer(target: Target, scope: Scope): Promise<void> {
  const arrivals = { mode: 'closed', connections: 128, secondsMax: STEADY_SECONDS_MAX } as const;
  await closedLoad(target, 128, scope.amount(STEADY_AFTER), { arrivals });
}

/** Prepares a load and warms both sides up with it. */
export async function warmLoad(target: Target, shape: PartialShape): Promise<PreparedLoad> {
  const prefix = `l${loads++}-`;
  const load = await PreparedLoad.prepare(target, { transport: 'tcp', dialect: 'prefixed', prefix, ...shape });
  await load.warmUp(Math.min(shape.count, WARM_UP), WARM_UP_SECONDS_MAX);
  return load;
}

/** Puts a load on a warm server and insists that nothing of it fails: a session that ends early costs too little. */
export async function runLoad(load: PreparedLoad): Promise<LoadWithCpu> {
  const outcome = await load.run();
  if (outcome.failed > 0) throw new Error(`${outcome.failed} failed: ${JSON.stringify(outcome.failures)}`);
  return outcome;
}

/** What is to be told of loads beside their costs: nothing, as long as the registry had room for every Hello. */
export function turnedAwayFigures(turnedAway: number): readonly Figure[] {
  return turnedAway === 0 ? [] : [{ label: '  Hellos turned away, and begun again', value: turnedAway, unit: '' }];
}

/** A load from its preparation to its end. */
export async function load(target: Target, shape: PartialShape): Promise<LoadWithCpu> {
  const prepared = await warmLoad(target, shape);
  const outcome = await runLoad(prepared);
  await prepared.release();
  return outcome;
}

/** Full sessions, or other work, a fixed number of connections at a time. */
export function closedLoad(
  target: Target,
  connections: number,
  count: number,
  shape: Partial<LoadShape> = {},
): Promise<LoadWithCpu> {
  return load(target, {
    work: FULL,
    arrivals: { mode: 'closed', connections, secondsMax: SECONDS_MAX },
    count,
    ...shape,
  });
}
