// A load and what it costs the server's process, for the whole of it and for each unit of work.
import { processCpuSeconds } from '../measure/process-readings.ts';
import type { Target } from '../measure/server-process.ts';
import { Generators, type LoadOutcome } from './generator.ts';
import type { LoadOrder } from './load-order.ts';
import { clearProgress, drawProgress } from './progress-bar.ts';

/** A load without the registry it is for. */
export type LoadShape = Omit<LoadOrder, 'regCredText' | 'wsUrl'>;

/** What became of a load, and CPU microseconds of the server for each completed unit of work. */
export interface LoadWithCpu extends LoadOutcome {
  readonly cpu: number;
}

/** Runs a load on a registry, in so many generator processes. */
export async function loadWithCpu(target: Target, shape: LoadShape, processes = 1): Promise<LoadWithCpu> {
  const order = { ...shape, regCredText: target.regCredText, wsUrl: target.wsUrl };
  const label = `${shape.work.kind} over ${shape.transport}`;
  const generators = await Generators.prepare(order, processes, (settled, count) =>
    drawProgress(label, settled, count),
  );
  const before = await processCpuSeconds(target.pid);
  const outcome = await generators.run();
  const cpu = ((await processCpuSeconds(target.pid)) - before) * 1e6;
  await generators.release();
  clearProgress();
  return { ...outcome, cpu: cpu / outcome.completed };
}
