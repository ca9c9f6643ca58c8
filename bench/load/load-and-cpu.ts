// A load and what it costs the server's process, for the whole of it and for each unit of work.

import { clearProgress, drawProgress } from '../../src/cli/progress-bar.ts';
import { processCpuSeconds } from '../measure/process-readings.ts';
import type { Target } from '../measure/server-process.ts';
import { Generators, joinOutcomes, type LoadOutcome, type LoadPart } from './generator.ts';
import type { LoadOrder } from './load-order.ts';

/** A load without the registry it is for. */
export type LoadShape = Omit<LoadOrder, 'regCredText' | 'wsUrl'>;

/** What became of a load, and CPU microseconds of the server for each completed unit of work. */
export interface LoadWithCpu extends LoadOutcome {
  readonly cpu: number;
}

/** How both sides are warmed up for an open loop: code compiled, threads awake. */
const WARM_UP = { mode: 'closed', connections: 32 } as const;
const WARM_UP_SECONDS_MAX = 4;

/** A load on a registry that has been prepared, and can be put on it again and again. */
export class PreparedLoad {
  readonly #target: Target;
  readonly #shape: LoadShape;
  readonly #generators: Generators;

  private constructor(target: Target, shape: LoadShape, generators: Generators) {
    this.#target = target;
    this.#shape = shape;
    this.#generators = generators;
  }

  /** Prepares it in so many generator processes. */
  static async prepare(target: Target, shape: LoadShape, processes?: number): Promise<PreparedLoad> {
    const order = { ...shape, regCredText: target.regCredText, wsUrl: target.wsUrl };
    return new PreparedLoad(target, shape, await Generators.prepare(order, processes));
  }

  /** Puts so many units of work on it that do not count, closed loop, or as many as there is time for. */
  async warmUp(count: number, secondsMax = WARM_UP_SECONDS_MAX): Promise<void> {
    const { arrivals } = this.#shape;
    const closed = arrivals.mode === 'closed' ? arrivals : WARM_UP;
    await this.#generators.run({ count, arrivals: { ...closed, secondsMax } });
  }

  /** Puts the load on it, or another amount of it. */
  async run(part: LoadPart = this.#shape): Promise<LoadWithCpu> {
    const label = `${this.#shape.work.kind} over ${this.#shape.transport}`;
    const before = await processCpuSeconds(this.#target.pid);
    const outcome = await this.#generators.run(part, (settled, count) => drawProgress(label, settled, count));
    const cpu = ((await processCpuSeconds(this.#target.pid)) - before) * 1e6;
    clearProgress();
    return { ...outcome, cpu: cpu / outcome.completed };
  }

  /** Ends the generators. */
  release(): Promise<void> {
    return this.#generators.release();
  }
}

/** Several parts of a load, put on one after the other, as one. */
export function joinLoads(parts: readonly LoadWithCpu[]): LoadWithCpu {
  const sum = (of: (part: LoadWithCpu) => number) => parts.reduce((total, part) => total + of(part), 0);
  const outcome = joinOutcomes(
    parts,
    sum((part) => part.seconds),
  );
  return { ...outcome, cpu: sum((part) => part.cpu * part.completed) / outcome.completed };
}
