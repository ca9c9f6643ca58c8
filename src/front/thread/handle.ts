// The main thread's handle on the thread of a further front end: starts it, sends orders, receives reports, and gives
// back what it held when it has ended.
import { MessageChannel, Worker } from 'node:worker_threads';
import { reclaimFront } from '../../admission/admission-memory.ts';
import type { LiveClients } from '../../connection/live-clients.ts';
import type { OpenSession } from '../../connection/session-log.ts';
import { releaseReader } from '../../coordinator/roster-cache/hazards.ts';
import { FrontStats } from '../../metrics/front-stats.ts';
import { ListenError } from '../../net/connection.ts';
import type { ChannelService } from '../../pool/pool.ts';
import { wipeChannel } from '../../pool/worker-handle.ts';
import type { ThreadStats } from '../../runtime/thread-stats.ts';
import { ThreadLoadError, threadUrl } from '../../runtime/thread-url.ts';
import { ChangeRing } from '../../shared-memory/change-ring.ts';
import { type ChannelMemory, WorkerChannel } from '../../shared-memory/worker-channel.ts';
import { ClientReports } from './client-reports.ts';
import type { FrontData, FrontOrder, FrontReport, FrontThreadData, Refusals } from './messages.ts';

/** The parts of the process that a further front end uses. */
export interface FrontThreadHost {
  readonly coordinator: ChannelService;
  readonly clients: LiveClients;
  /** Writes lines of the log, as they are. */
  logLines(lines: readonly string[]): void;
  refused(refusals: readonly Refusals[]): void;
  /** The thread has ended without an order, and its permits and counts have been given back. */
  ended(error: unknown): void;
  /** The front end cannot go on, nor could another. */
  broken(error: unknown): void;
}

/** A channel of a worker of the front end. */
interface ServedChannel {
  readonly worker: number;
  readonly channel: WorkerChannel;
  readonly withdraw: () => void;
}

/** Milliseconds that the thread may take to end behind the grace period of a drain. Then it is terminated. */
const END_MS = 5_000;

const ENDED = 'the thread of a front end ended';

export class FrontThread {
  readonly #data: FrontData;
  readonly #host: FrontThreadHost;
  readonly #worker: Worker;
  readonly #clients: ClientReports;
  /** By the thread's ID of them. BOUNDED by its workers. */
  readonly #channels = new Map<number, ServedChannel>();
  /** By ID. BOUNDED by the operators' queries. */
  readonly #queries = new Map<number, (sessions: readonly OpenSession[]) => void>();
  #lastId = 0;
  readonly #exited: Promise<void>;
  #loaded: (() => void) | undefined;
  #hasEnded = false;
  #listening: { resolve(): void; reject(error: Error): void } | undefined;
  #unlistened: (() => void) | undefined;
  #closing = false;
  #error: unknown;

  private constructor(data: FrontData, host: FrontThreadHost) {
    this.#data = data;
    this.#host = host;
    const { port1, port2 } = new MessageChannel();
    const workerData: FrontThreadData = { ...data, clients: port2 };
    this.#worker = new Worker(threadUrl('front-thread'), { workerData, transferList: [port2], execArgv: [] });
    this.#clients = new ClientReports(port1, host.clients, (order) => this.#order(order));
    this.#worker.on('message', (report: FrontReport) => this.#receive(report));
    this.#worker.on('error', (error) => {
      this.#error = error;
    });
    // Not once(), which rejects at an error.
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#ended(code);
        resolve();
      });
    });
  }

  /** Starts the thread with its workers. Rejects with ThreadLoadError. */
  static async start(data: FrontData, host: FrontThreadHost): Promise<FrontThread> {
    const thread = new FrontThread(data, host);
    const loaded = new Promise<void>((resolve) => {
      thread.#loaded = resolve;
    });
    await Promise.race([loaded, thread.#exited]);
    if (thread.#hasEnded) throw new ThreadLoadError('a front end', thread.#error ?? new Error('its thread ended'));
    return thread;
  }

  /** Workers of this front end. */
  get workers(): number {
    return this.#data.settings.workers;
  }

  /** The stats of each worker, by its index among all workers. */
  get threadStats(): readonly (readonly [worker: number, stats: ThreadStats])[] {
    return [...this.#channels.values()].map(({ worker, channel }) => [worker, channel.stats.read()] as const);
  }

  /** Binds the port. Rejects with ListenError. */
  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new ListenError(ENDED));
      this.#listening = { resolve, reject };
      this.#order({ kind: 'listen' });
    });
  }

  /** Sends an order that has no answer. */
  order(order: FrontOrder & { readonly kind: 'mark' | 'limits' | 'log-level' | 'replaced' }): void {
    this.#order(order);
  }

  /** Resolves to at most `limit` sessions with connection numbers above `after`; to none if the thread ends. */
  sessions(after: number, limit: number): Promise<readonly OpenSession[]> {
    if (this.#hasEnded) return Promise.resolve([]);
    const id = ++this.#lastId;
    const listed = new Promise<readonly OpenSession[]>((resolve) => {
      this.#queries.set(id, resolve);
      this.#order({ kind: 'sessions', id, after, limit });
    });
    return listed.finally(() => this.#queries.delete(id));
  }

  /** Carries out what the front end has reported of its clients. */
  readClients(): void {
    this.#clients.read();
  }

  /** Stops accepting connections. */
  unlisten(): Promise<void> {
    this.#closing = true;
    const unlistened = new Promise<void>((resolve) => {
      this.#unlistened = resolve;
      this.#order({ kind: 'unlisten' });
    });
    return Promise.race([unlistened, this.#exited]);
  }

  /** Drains the connections within `graceMs`, and ends the thread. */
  async drain(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#order({ kind: 'drain', graceMs });
    const late = setTimeout(() => void this.#worker.terminate(), graceMs + END_MS);
    await this.#exited;
    clearTimeout(late);
  }

  #receive(report: FrontReport): void {
    switch (report.kind) {
      case 'serve':
        return this.#serve(report);
      case 'withdraw':
        return this.#withdraw(report.id);
      case 'refused':
        return this.#host.refused(report.refusals);
      case 'log':
        return this.#host.logLines(report.lines);
      case 'sessions':
        return this.#queries.get(report.id)?.(report.sessions);
      case 'listening':
        this.#listening?.resolve();
        this.#listening = undefined;
        return;
      case 'loaded':
        return this.#loaded?.();
      case 'unlistened':
        return this.#unlistened?.();
      case 'broken':
        return this.#break(report);
    }
  }

  #break({ message, mayPass }: FrontReport & { readonly kind: 'broken' }): void {
    if (this.#listening) this.#listening.reject(new ListenError(message, mayPass));
    else this.#host.broken(new Error(message));
    this.#listening = undefined;
  }

  #serve({ id, worker, channel }: { id: number; worker: number; channel: ChannelMemory }): void {
    const withdraw = this.#host.coordinator.serve(channel, worker);
    this.#channels.set(id, { worker, channel: new WorkerChannel(channel), withdraw });
  }

  #withdraw(id: number): void {
    this.#channels.get(id)?.withdraw();
    this.#channels.delete(id);
  }

  /** The thread and its workers run no more code. */
  #ended(code: number): void {
    this.#hasEnded = true;
    const { settings, admission, stats } = this.#data;
    for (const { worker, channel, withdraw } of this.#channels.values()) {
      withdraw();
      wipeChannel(channel);
      if (this.#data.rosterCache) releaseReader(this.#data.rosterCache, worker);
    }
    this.#channels.clear();
    reclaimFront(admission, settings.front);
    new ChangeRing(settings.changes, settings.front).setParked(false);
    this.#clients.close();
    new FrontStats(stats).ended();
    for (const resolve of this.#queries.values()) resolve([]);
    this.#listening?.reject(new ListenError(ENDED));
    this.#listening = undefined;
    if (!this.#closing) this.#host.ended(this.#error ?? new Error(`${ENDED} with code ${code}`));
  }

  #order(order: FrontOrder): void {
    this.#worker.postMessage(order);
  }
}
