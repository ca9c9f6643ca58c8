// The front ends beside that of the main thread, each in a thread of its own. One that fails costs its connections and
// is replaced.
import type { AdmissionLimits } from '../admission/admission-limits.ts';
import type { OpenSession } from '../connection/session-log.ts';
import { FrontStats } from '../metrics/front-stats.ts';
import type { MarkOrder } from '../pool/pool.ts';
import type { ThreadStats } from '../runtime/thread-stats.ts';
import { LOOK_MS, RecentFailures, SilentLooks } from '../runtime/thread-watch.ts';
import { FrontThread, type FrontThreadHost } from './thread/handle.ts';
import type { FrontData } from './thread/messages.ts';

/** Receives the events of further front ends. */
export interface FurtherFrontsHost extends Omit<FrontThreadHost, 'ended'> {
  /** The settings and limits of the present for a front end. */
  data(front: number): FrontData;
  /** A front end failed: its connections are closed. Another takes its place. */
  failed(front: number, error: unknown): void;
  /** Another thread has taken the place of a front end that failed, and listens. */
  restarted(front: number): void;
}

/** A front end with what is known of its thread. */
interface Running {
  /** Undefined while it is replaced. */
  thread: FrontThread | undefined;
  /** The start in work, or the last one. */
  starting: Promise<void>;
  readonly stats: FrontStats;
  readonly silence: SilentLooks;
}

export class FurtherFronts {
  readonly #host: FurtherFrontsHost;
  /** By front end. BOUNDED by FRONTS_MAX. */
  readonly #running = new Map<number, Running>();
  readonly #failures = new RecentFailures();
  #looking: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(host: FurtherFrontsHost) {
    this.#host = host;
  }

  /** Starts front ends. Resolves when all listen. Rejects with ThreadLoadError or ListenError. */
  async start(fronts: readonly number[]): Promise<void> {
    for (const front of fronts) {
      const stats = new FrontStats(this.#host.data(front).stats);
      const silence = new SilentLooks();
      this.#running.set(front, { thread: undefined, starting: Promise.resolve(), stats, silence });
    }
    this.#looking = setInterval(() => this.#look(), LOOK_MS).unref();
    await Promise.all(fronts.map((front) => this.#start(front)));
  }

  /** Workers of all front ends that run. */
  get workers(): number {
    return this.#threads().reduce((sum, { workers }) => sum + workers, 0);
  }

  /** The stats of each thread of a front end. */
  get threadStats(): readonly (readonly [front: number, stats: ThreadStats])[] {
    return [...this.#running].map(([front, { stats }]) => [front, stats.thread.read()] as const);
  }

  /** The stats of each worker, by its index among all workers. */
  get workerStats(): readonly (readonly [worker: number, stats: ThreadStats])[] {
    return this.#threads().flatMap(({ threadStats }) => threadStats);
  }

  /** Milliseconds without a sign of life of the longest silent thread. */
  get silentMs(): number {
    const silent = ({ stats, silence }: Running) => Math.max(silence.ms, stats.state.silentMs);
    return Math.max(0, ...[...this.#running.values()].map(silent));
  }

  /** Sends a mark through the workers of each front end (Q7). */
  mark(order: MarkOrder): void {
    for (const thread of this.#threads()) thread.order({ kind: 'mark', order });
  }

  setLimits(limits: AdmissionLimits): void {
    for (const thread of this.#threads()) thread.order({ kind: 'limits', limits });
  }

  setLogLevel(level: string): void {
    for (const thread of this.#threads()) thread.order({ kind: 'log-level', level });
  }

  /** Tells every front end that the placements of a client with other end points are replaced. */
  replaced(clientId: string, ends: number): void {
    for (const thread of this.#threads()) thread.order({ kind: 'replaced', clientId, ends });
  }

  /** At most `limit` sessions of each front end, with connection numbers above `after`. */
  async sessions(after: number, limit: number): Promise<OpenSession[]> {
    return (await Promise.all(this.#threads().map((thread) => thread.sessions(after, limit)))).flat();
  }

  /** Carries out what the front ends have reported of their clients. */
  readClients(): void {
    for (const thread of this.#threads()) thread.readClients();
  }

  /** Stops accepting connections. */
  async unlisten(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#threads().map((thread) => thread.unlisten()));
  }

  /** Drains the connections within `graceMs`, and ends the threads. */
  async drain(graceMs: number): Promise<void> {
    this.#closing = true;
    clearInterval(this.#looking);
    await Promise.all(this.#threads().map((thread) => thread.drain(graceMs)));
    // A thread that began meanwhile ends itself.
    await Promise.allSettled([...this.#running.values()].map(({ starting }) => starting));
  }

  #threads(): FrontThread[] {
    return [...this.#running.values()].flatMap(({ thread }) => thread ?? []);
  }

  /** Marks count the workers of a front end before it listens, so no connection of it is ever behind a mark unseen. */
  #start(front: number): Promise<void> {
    const running = this.#running.get(front)!;
    running.starting = this.#startThread(front, running);
    return running.starting;
  }

  async #startThread(front: number, running: Running): Promise<void> {
    const thread = await FrontThread.start(this.#host.data(front), {
      ...this.#host,
      ended: (error) => this.#ended(front, error),
    });
    if (this.#closing) return thread.drain(0);
    running.thread = thread;
    running.silence.reset();
    // Orders of the time in which it started had no thread to go to.
    const { limits, logLevel } = this.#host.data(front);
    thread.order({ kind: 'limits', limits });
    thread.order({ kind: 'log-level', level: logLevel });
    await thread.listen();
  }

  #ended(front: number, error: unknown): void {
    const running = this.#running.get(front)!;
    // One that has not begun fails its start.
    if (this.#closing || running.thread === undefined) return;
    running.thread = undefined;
    this.#host.failed(front, error);
    if (!this.#failures.mayReplace()) return this.#host.broken(error);
    this.#start(front).then(
      () => this.#closing || this.#host.restarted(front),
      (failure) => this.#closing || this.#host.broken(failure),
    );
  }

  #look(): void {
    for (const { thread, stats, silence } of this.#running.values()) {
      if (thread) silence.look(stats.thread.read().at);
      // A thread that is replaced is not silent.
      else silence.reset();
    }
  }
}
