// Runs a load in generator processes, from the parent's side.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Latencies } from './latencies.ts';
import type { GeneratorNews, GeneratorOrder, LoadOrder, LoadReport } from './load-order.ts';

/** The result of a load, over all its generators. Latencies in milliseconds. */
export interface LoadOutcome {
  readonly completed: number;
  readonly failed: number;
  readonly dropped: number;
  /** Connections that the server closed at the Hello; each unit of work was retried. */
  readonly turnedAway: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** CPU seconds of all generators meanwhile. */
  readonly generatorCpuSeconds: number;
  /** Completed units of work a second. */
  readonly rate: number;
  readonly latency: Latencies;
  /** Lateness of the generators in starting units of work; part of `latency`. */
  readonly lateness: Latencies;
}

/** An amount of a load and its pace. */
export type LoadPart = Pick<LoadOrder, 'arrivals' | 'count'>;

/** Receives the number of settled units and the number of all units. */
export type OnProgress = (settled: number, count: number) => void;

/** Generator processes with a prepared load. */
export class Generators {
  readonly #order: LoadOrder;
  readonly #children: readonly Generator[];

  private constructor(order: LoadOrder, children: readonly Generator[]) {
    this.#order = order;
    this.#children = children;
  }

  /** Starts `processes` processes, divides the load among them, and resolves when all have prepared their share. */
  static async prepare(order: LoadOrder, processes = 1): Promise<Generators> {
    const generators = new Generators(
      order,
      Array.from({ length: processes }, () => new Generator()),
    );
    try {
      await Promise.all(generators.#children.map((child, i) => child.prepare(share(order, i, processes))));
      return generators;
    } catch (error) {
      generators.kill();
      throw error;
    }
  }

  /**
   * Starts the load and resolves when every unit has settled. Connections held open stay open until `release`. A later
   * run continues with new clusters. `part` overrides the amount and pace of the order.
   */
  async run(part: LoadPart = this.#order, onProgress: OnProgress = () => {}): Promise<LoadOutcome> {
    const settled = this.#children.map(() => 0);
    const order = { ...this.#order, ...part };
    try {
      const reports = this.#children.map((child, i) => {
        return child.run(share(order, i, this.#children.length), (done) => {
          settled[i] = done;
          onProgress(
            settled.reduce((sum, one) => sum + one, 0),
            order.count,
          );
        });
      });
      const parts = (await Promise.all(reports)).map(outcomeOf);
      return joinOutcomes(parts, Math.max(...parts.map((part) => part.seconds)));
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** Closes open connections and ends the processes. */
  async release(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.release()));
  }

  kill(): void {
    for (const child of this.#children) child.kill();
  }
}

/** One generator's share of an order. */
function share(order: LoadOrder, place: number, of: number): LoadOrder {
  const part = (whole: number) => Math.floor(whole / of) + (place < whole % of ? 1 : 0);
  const { arrivals } = order;
  return {
    ...order,
    count: part(order.count),
    prefix: `${order.prefix}${place}-`,
    arrivals:
      arrivals.mode === 'closed'
        ? { ...arrivals, connections: Math.max(1, part(arrivals.connections)) }
        : {
            ...arrivals,
            rate: arrivals.rate / of,
            inFlightMax: Math.max(1, part(arrivals.inFlightMax)),
            seed: arrivals.seed + place,
          },
  };
}

function outcomeOf(report: LoadReport): LoadOutcome {
  return {
    ...report,
    rate: report.completed / report.seconds,
    latency: Latencies.decode(report.latency),
    lateness: Latencies.decode(report.lateness),
  };
}

/** Merges the outcomes of several parts. `seconds` is the total time: the longest part if they ran concurrently. */
export function joinOutcomes(parts: readonly LoadOutcome[], seconds: number): LoadOutcome {
  const sum = (of: 'completed' | 'failed' | 'dropped' | 'turnedAway' | 'generatorCpuSeconds') =>
    parts.reduce((total, part) => total + part[of], 0);
  const failures: Record<string, number> = {};
  for (const part of parts) {
    for (const [kind, count] of Object.entries(part.failures)) failures[kind] = (failures[kind] ?? 0) + count;
  }
  return {
    completed: sum('completed'),
    failed: sum('failed'),
    dropped: sum('dropped'),
    turnedAway: sum('turnedAway'),
    failures,
    seconds,
    generatorCpuSeconds: sum('generatorCpuSeconds'),
    rate: sum('completed') / seconds,
    latency: Latencies.merge(parts.map(({ latency }) => latency)),
    lateness: Latencies.merge(parts.map(({ lateness }) => lateness)),
  };
}

/** Handle of one generator process. */
class Generator {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('generator-main.js', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

  async prepare(order: LoadOrder): Promise<void> {
    await this.#ask({ kind: 'prepare', order }, 'prepared');
  }

  async run({ arrivals, count }: LoadPart, onProgress: (settled: number) => void): Promise<LoadReport> {
    return (await this.#ask({ kind: 'go', arrivals, count }, 'report', onProgress)).report;
  }

  async release(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#send({ kind: 'release' });
    await exited;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(order: GeneratorOrder): void {
    this.#child.send(order);
  }

  /** Sends an order and resolves to news of the given kind. Rejects if the process reports an error or ends. */
  #ask<Kind extends GeneratorNews['kind']>(
    order: GeneratorOrder,
    kind: Kind,
    onProgress?: (settled: number) => void,
  ): Promise<Extract<GeneratorNews, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      const onExit = () => reject(new Error('a generator process ended before it was done'));
      const onMessage = (news: GeneratorNews) => {
        if (news.kind === 'progress') return onProgress?.(news.settled);
        child.off('message', onMessage).off('exit', onExit);
        if (news.kind === kind) resolve(news as Extract<GeneratorNews, { kind: Kind }>);
        else
          reject(new Error(news.kind === 'broken' ? news.message : `a generator sent ${news.kind} instead of ${kind}`));
      };
      child.on('message', onMessage).once('exit', onExit);
      this.#send(order);
    });
  }
}
