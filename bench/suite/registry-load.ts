// The loads that the sections put on a server.
import type { LoadPart } from '../load/generator.ts';
import { joinLoads, type LoadShape, type LoadWithCpu, PreparedLoad } from '../load/load-and-cpu.ts';
import { type Bare, besideBare } from '../measure/bare.ts';
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
const SECONDS_MAX = 2;

/**
 * Sessions after which a server is as fast as it gets. V8 compiles 1,060 functions during the first 3,000 of them, 160
 * during the next, and 40 in 3,000 after 12,000 (`--trace-opt`): what a process that runs for weeks pays once.
 */
const STEADY_AFTER = 12_000;
const STEADY_SECONDS_MAX = 7;

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

/** Puts a load, or a part of it, on a warm server and insists that nothing fails: a session that ends early costs too little. */
export async function runLoad(load: PreparedLoad, part?: LoadPart): Promise<LoadWithCpu> {
  const outcome = await load.run(part);
  if (outcome.failed > 0) throw new Error(`${outcome.failed} failed: ${JSON.stringify(outcome.failures)}`);
  return outcome;
}

/** What is to be told of loads beside their costs: nothing, as long as the registry had room for every Hello. */
export function turnedAwayFigures(turnedAway: number): readonly Figure[] {
  return turnedAway === 0 ? [] : [{ label: '  Hellos turned away, and begun again', value: turnedAway, unit: '' }];
}

/** Puts loads, or a part of each, on their servers in turns, there and back again: what else the machine is doing meets all of them. */
export async function runInTurns(
  loads: readonly PreparedLoad[],
  rounds: number,
  part?: LoadPart,
): Promise<LoadWithCpu[]> {
  const outcomes = new Map(loads.map((load) => [load, [] as LoadWithCpu[]]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? loads : [...loads].reverse();
    for (const load of order) outcomes.get(load)!.push(await runLoad(load, part));
  }
  return loads.map((load) => joinLoads(outcomes.get(load)!));
}

/** Full sessions, or other work, a fixed number of connections at a time. */
export async function closedLoad(
  target: Target,
  connections: number,
  count: number,
  shape: Partial<LoadShape> = {},
): Promise<LoadWithCpu> {
  const load = await warmLoad(target, closedShape(connections, count, shape));
  const outcome = await runLoad(load);
  await load.release();
  return outcome;
}

/** The same in so many turns with the bare loops. */
export async function closedLoadBesideBare(
  turns: number,
  target: Target,
  connections: number,
  count: number,
  shape: Partial<LoadShape> = {},
): Promise<{ measured: LoadWithCpu; bare: Bare }> {
  const load = await warmLoad(target, closedShape(connections, Math.ceil(count / turns), shape));
  const { measured, bare } = await besideBare(turns, () => runLoad(load));
  await load.release();
  return { measured: joinLoads(measured), bare };
}

function closedShape(connections: number, count: number, shape: Partial<LoadShape>): PartialShape {
  return { work: FULL, arrivals: { mode: 'closed', connections, secondsMax: SECONDS_MAX }, count, ...shape };
}
