// Runs a load and measures the CPU time that the server's process spends on it.

import { clearProgress, drawProgress } from '../../src/cli/progress-bar.ts';
import { type CpuTimes, eachKind, processTimes, type ThreadTimes, threadTimes } from '../measure/process-readings.ts';
import type { Target } from '../measure/server-process.ts';
import { Generators, joinOutcomes, type LoadOutcome, type LoadPart } from './generator.ts';
import type { LoadOrder } from './load-order.ts';

/** A load order without its registry. */
export type LoadShape = Omit<LoadOrder, 'regCredText' | 'wsUrl'>;

/** The outcome of a load, and the server's CPU time (us) for each completed unit of work. */
export interface LoadWithCpu extends LoadOutcome {
  readonly cpu: number;
  /** `cpu` by kind of thread, in user mode and in the kernel. */
  readonly threads: ThreadTimes;
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
    const { pid } = this.#target;
    const before = { process: await processTimes(pid), threads: await threadTimes(pid) };
    const outcome = await this.#generators.run(part, (settled, count) => drawProgress(label, settled, count));
    const after = { process: await processTimes(pid), threads: await threadTimes(pid) };
    clearProgress();
    const each = (later: CpuTimes, earlier: CpuTimes): CpuTimes => ({
      user: ((later.user - earlier.user) * 1e6) / outcome.completed,
      system: ((later.system - earlier.system) * 1e6) / outcome.completed,
    });
    const { user, system } = each(after.process, before.process);
    const threads = eachKind((kind) => each(after.threads[kind], before.threads[kind]));
    return { ...outcome, cpu: user + system, threads };
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
  const mean = (of: (part: LoadWithCpu) => number) => sum((part) => of(part) * part.completed) / outcome.completed;
  const threads = eachKind((kind) => ({
    user: mean((part) => part.threads[kind].user),
    system: mean((part) => part.threads[kind].system),
  }));
  return { ...outcome, cpu: mean(({ cpu }) => cpu), threads };
}
