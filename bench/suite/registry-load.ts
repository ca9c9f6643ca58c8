// The loads of the sections, with their warm-ups.
import type { LoadPart } from '../load/generator.ts';
import { joinLoads, type LoadShape, type LoadWithCpu, PreparedLoad } from '../load/load-and-cpu.ts';
import { type Bare, besideBare } from '../measure/bare.ts';
import type { Target } from '../measure/server-process.ts';
import type { Figure } from '../report/report.ts';
import type { Scope } from './section.ts';

/** A section's load; fields that it omits get defaults. */
export type PartialShape = Pick<LoadShape, 'work' | 'arrivals' | 'count'> & Partial<LoadShape>;

/** The work of most measurements. */
export const FULL = { kind: 'full', clusterSize: 8, members: 'new' } as const;

/** Warm-up units of a load, at most. */
const WARM_UP = 800;
const WARM_UP_SECONDS_MAX = 1;

/** Upper bound of a load, so that the suite ends on slow machines too. */
const SECONDS_MAX = 2;

/**
 * Sessions after which V8 has compiled nearly everything, and a server is as fast as one that has run for weeks.
 */
const STEADY_AFTER = 12_000;
const STEADY_SECONDS_MAX = 7;

let loads = 0;

/** Warms a server up to its steady speed. */
export async function steadyServer(target: Target, scope: Scope): Promise<void> {
  const arrivals = { mode: 'closed', connections: 128, secondsMax: STEADY_SECONDS_MAX } as const;
  await closedLoad(target, 128, scope.amount(STEADY_AFTER), { arrivals });
}

/** Prepares a load and warms up both sides with it. */
export async function warmLoad(target: Target, shape: PartialShape): Promise<PreparedLoad> {
  const prefix = `l${loads++}-`;
  const load = await PreparedLoad.prepare(target, { transport: 'tcp', dialect: 'prefixed', prefix, ...shape });
  await load.warmUp(Math.min(shape.count, WARM_UP), WARM_UP_SECONDS_MAX);
  return load;
}

/** Runs a load, or a part of it. Rejects if a session fails, because failed sessions would make the rest look cheap. */
export async function runLoad(load: PreparedLoad, part?: LoadPart): Promise<LoadWithCpu> {
  const outcome = await load.run(part);
  if (outcome.failed > 0) throw new Error(`${outcome.failed} sessions failed: ${JSON.stringify(outcome.failures)}`);
  return outcome;
}

/** A figure for the Hellos turned away; none if there were none. */
export function turnedAwayFigures(turnedAway: number): readonly Figure[] {
  return turnedAway === 0 ? [] : [{ label: '  Hellos turned away and retried', value: turnedAway, unit: '' }];
}

/** Runs loads in turns, in alternating order, so that other load on the machine affects all alike. */
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

/** Runs a closed loop; full sessions unless `shape` says otherwise. */
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

/** Runs a closed loop in `turns` turns with bare loops. */
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
