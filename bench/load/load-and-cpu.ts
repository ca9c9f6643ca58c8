// Runs a load and measures the CPU time that the server's process spends on it.

import { clearProgress, drawProgress } from '../../src/cli/progress-bar.ts';
import { processCpuSeconds } from '../measure/process-readings.ts';
import type { Target } from '../measure/server-process.ts';
import { Generators, joinOutcomes, type LoadOutcome, type LoadPart } from './generator.ts';
import type { LoadOrder } from './load-order.ts';

/** A load order without its registry. */
export type LoadShape = Omit<LoadOrder, 'regCredText' | 'wsUrl'>;

/** The outcome of a load, and the server's CPU time (us) for each completed unit of work. */
export interface LoadWithCpu extends LoadOutcome {
  readonly cpu: number;
}

/** The warm-up before an open loop, so that both sides have compiled their code and woken their threads. */
const WARM_UP = { mode: 'closed', connections: 32 } as const;
const WARM_UP_SECONDS_MAX = 4;

/** A prepared load on one registry; it can run many times. */
export class PreparedLoad {
  readonly #target: Target;
  readonly #shape: LoadShape;
  readonly #generators: Generators;

  private constructor(target: Target, shape: LoadShape, generators: Generators) {
    this.#target = target;
    this.#shape = shape;
    this.#generators = generators;
  }

  /** Prepares a load in `processes` generator processes. */
  static async prepare(target: Target, shape: LoadShape, processes?: number): Promise<PreparedLoad> {
    const order = { ...shape, regCredText: target.regCredText, wsUrl: target.wsUrl };
    return new PreparedLoad(target, shape, await Generators.prepare(order, processes));
  }

  /** Runs up to `count` uncounted units of work in a closed loop, for at most `secondsMax`. */
  async warmUp(count: number, secondsMax = WARM_UP_SECONDS_MAX): Promise<void> {
    const { arrivals } = this.#shape;
    const closed = arrivals.mode === 'closed' ? arrivals : WARM_UP;
    await this.#generators.run({ count, arrivals: { ...closed, secondsMax } });
  }

  /** Runs the load. `part` overrides its amount and pace. */
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

/** Merges parts of a load that ran one after the other. */
export function joinLoads(parts: readonly LoadWithCpu[]): LoadWithCpu {
  const sum = (of: (part: LoadWithCpu) => number) => parts.reduce((total, part) => total + of(part), 0);
  const outcome = joinOutcomes(
    parts,
    sum((part) => part.seconds),
  );
  return { ...outcome, cpu: sum((part) => part.cpu * part.completed) / outcome.completed };
}
