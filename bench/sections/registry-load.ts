// The loads that the sections put on a server.
import type { LoadShape } from '../load/load-and-cpu.ts';
import { type LoadWithCpu, loadWithCpu } from '../load/load-and-cpu.ts';
import type { Target } from '../measure/server-process.ts';

/** What a section says of its load; the rest is the most usual. */
export type PartialShape = Pick<LoadShape, 'work' | 'arrivals' | 'count'> & Partial<LoadShape>;

/** Clusters of the size that most measurements use. */
export const FULL = { kind: 'full', clusterSize: 8, members: 'new' } as const;

/** Sessions that warm a server up: its code compiled, its threads awake. */
const WARM_UP = 800;

let loads = 0;

/** Puts a load on a server and insists that nothing of it fails: a session that ends early costs too little. */
export async function load(target: Target, shape: PartialShape): Promise<LoadWithCpu> {
  const prefix = `l${loads++}-`;
  const outcome = await loadWithCpu(target, { transport: 'tcp', dialect: 'prefixed', prefix, ...shape });
  if (outcome.failed > 0) {
    throw new Error(`${outcome.failed} of ${shape.count} failed: ${JSON.stringify(outcome.failures)}`);
  }
  return outcome;
}

/** Full sessions, a fixed number of connections at a time. */
export function closedLoad(
  target: Target,
  connections: number,
  count: number,
  shape: Partial<LoadShape> = {},
): Promise<LoadWithCpu> {
  return load(target, { work: FULL, arrivals: { mode: 'closed', connections }, count, ...shape });
}

/** Sessions before those that count. */
export async function warmUp(target: Target, count = WARM_UP, shape: Partial<LoadShape> = {}): Promise<void> {
  await closedLoad(target, 32, count, shape);
}
