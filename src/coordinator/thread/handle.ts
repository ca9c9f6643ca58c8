// The main thread's handle on the coordinator's thread: starts the thread, posts orders, and receives reports.
import { type EventEmitter, once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { GrowthRates } from '../../admission/growth-budgets.ts';
import { CHANGE_RING_PLACES } from '../../limits.ts';
import type { ExpiredSeat } from '../../registry/barrier.ts';
import type { ClusterPage, ClusterQuery } from '../../registry/cluster-scan.ts';
import type { ClusterRef, OperatorCommand, Reply } from '../../registry/command.ts';
import type { TableOverview } from '../../registry/table-views.ts';
import type { TableLimits } from '../../registry/time-to-live.ts';
import { isLoadFailure, ThreadLoadError, threadUrl } from '../../runtime/thread-url.ts';
import { AtomicFlag } from '../../shared-memory/atomic-flag.ts';
import { newChangeRing } from '../../shared-memory/change-ring.ts';
import { Parker } from '../../shared-memory/parker.ts';
import { type ChannelMemory, WorkerChannel } from '../../shared-memory/worker-channel.ts';
import { isShared } from '../../store/open-store.ts';
import { StoreUnusableError } from '../../store/store.ts';
import { type CoordinatorStats, coordinatorStats, newStatsMemory } from '../coordinator-stats.ts';
import type { OperatorQuery, OperatorReply, ShownCluster } from '../operator-queries.ts';
import { newRosterCacheMemory } from '../roster-cache/page.ts';
import { queuedCommands } from '../serve-channels.ts';
import type { TableAddition } from '../table-additions.ts';
import type { CoordinatorWorkerData, Order, Report, ThreadData } from './messages.ts';

/** Called on the main thread. */
export interface CoordinatorEvents {
  /** The store has no room; undefined: it has room again. */
  full(reason: string | undefined): void;
  /** The store cannot be reached; undefined: it can be reached again. */
  unreachable(reason: string | undefined): void;
  /** Creates made these clusters, and Joins took these seats. Without it they are not reported. */
  added?(additions: readonly TableAddition[]): void;
  /** A client registered with a token that it had replaced before. */
  tokenReplayed(clientId: string, name: string): void;
  /** A registration lost its ID, and its seats, to the key that the ID certifies. */
  idDisplaced(holder: { readonly clientId: string; readonly name: string; readonly seats: number }): void;
  /** Rounds have emptied these seats: their members had not confirmed in time (Q7). */
  seatsExpired(seats: readonly ExpiredSeat[]): void;
  /** The coordinator died or must not go on. The process has to stop. */
  death(error: unknown): void;
}

/** Operators' queries at once. It is below the connections that one address may have to the admin port. */
export const OPERATOR_QUERIES_MAX = 24;

/** Too many operators' queries are in work, or the coordinator closes. */
export class CoordinatorBusyError extends Error {
  override readonly name = 'CoordinatorBusyError';
}

const STOPPING = 'the registry is stopping';
const TOO_MANY = `more than ${OPERATOR_QUERIES_MAX} queries at once; try again in a moment`;

function stopping(): CoordinatorBusyError {
  return new CoordinatorBusyError(STOPPING);
}

/** The promise of an operator's query. */
interface PendingQuery {
  resolve(reply: OperatorReply): void;
  reject(error: Error): void;
}

/** Loading a table allocates long-lived objects; a small young generation would copy them again and again. */
const YOUNG_GENERATION_MB = 64;

/** A running coordinator: a Worker, or what behaves like one. Emits `message` with a Report, `error`, and `exit`. */
export interface RunningCoordinator extends EventEmitter {
  postMessage(order: Order): void;
}

/** Starts a coordinator. */
export type LaunchCoordinator = (data: ThreadData) => RunningCoordinator;

/** Starts a coordinator in a thread of its own. */
export const launchCoordinatorThread: LaunchCoordinator = (workerData) =>
  new Worker(threadUrl('coordinator-thread'), {
    workerData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });

/** The main thread's handle. */
export class CoordinatorThread {
  /** Memory of the `Parker` that a worker unparks after it has queued a command. */
  readonly parker: SharedArrayBuffer;
  /** For `RosterCacheReader`; undefined for a store that several servers share. */
  readonly rosterCache: SharedArrayBuffer | undefined;
  /** Memory of the `ChangeRing` to which the thread posts changes of rosters. */
  readonly changes: SharedArrayBuffer;
  /** The thread's counters, in shared memory. */
  readonly stats: CoordinatorStats;
  readonly #worker: RunningCoordinator;
  readonly #parker: Parker;
  readonly #ordered: AtomicFlag;
  readonly #channels = new Map<number, WorkerChannel>();
  /** By ID. Bound: OPERATOR_QUERIES_MAX. */
  readonly #queries = new Map<number, PendingQuery>();
  /** Resolves the backup in work; undefined if there is none. */
  #pendingBackup: ((failure: string | undefined) => void) | undefined;
  #lastId = 0;
  #closing = false;

  private constructor(
    worker: RunningCoordinator,
    { parker, ordered, stats, rosterCache, changes }: ThreadData,
    on: CoordinatorEvents,
  ) {
    this.parker = parker;
    this.#parker = new Parker(parker);
    this.#ordered = new AtomicFlag(ordered);
    this.rosterCache = rosterCache;
    this.changes = changes;
    this.stats = coordinatorStats(stats);
    this.#worker = worker;
    worker.on('message', (report: Report) => {
      if (report.kind === 'full' || report.kind === 'unreachable') on[report.kind](report.reason);
      else if (report.kind === 'broken') on.death(new Error(report.message));
      else if (report.kind === 'replayed') on.tokenReplayed(report.clientId, report.name);
      else if (report.kind === 'displaced') on.idDisplaced(report);
      else if (report.kind === 'expired') on.seatsExpired(report.seats);
      else if (report.kind === 'added') on.added?.(report.additions);
      else if (report.kind === 'backup') this.#pendingBackup?.(report.failure);
      else if (report.kind === 'reply') this.#queries.get(report.id)?.resolve(report.reply);
    });
    worker.on('error', on.death);
    worker.on('exit', (code) => {
      for (const { reject } of this.#queries.values()) reject(stopping());
      this.#pendingBackup?.(STOPPING);
      if (!this.#closing) on.death(new Error(`the coordinator ended with code ${code}`));
    });
  }

  /** Starts the coordinator; resolves when the table is loaded. Rejects with StoreUnusableError or ThreadLoadError. */
  static async start(
    data: CoordinatorWorkerData,
    on: CoordinatorEvents,
    launch: LaunchCoordinator = launchCoordinatorThread,
  ): Promise<CoordinatorThread> {
    const rosterCache = isShared(data.store.name) ? undefined : newRosterCacheMemory();
    const threadData: ThreadData = {
      ...data,
      parker: new SharedArrayBuffer(4),
      ordered: new SharedArrayBuffer(4),
      changes: newChangeRing(CHANGE_RING_PLACES, data.fronts),
      stats: newStatsMemory(),
      rosterCache,
      reportsAdditions: on.added !== undefined,
    };
    const worker = launch(threadData);
    const died = once(worker, 'exit').then(([code]) => {
      throw new Error(`the coordinator ended with code ${code} before the table was loaded`);
    });
    died.catch(() => {});
    // The first report is `loaded` or `unusable`; an error before it rejects.
    const [first] = (await Promise.race([once(worker, 'message'), died]).catch((error) => {
      throw isLoadFailure(error) ? new ThreadLoadError('the coordinator', error) : error;
    })) as [Report];
    if (first.kind === 'unusable') throw new StoreUnusableError(first.message, { mayPass: first.mayPass });
    return new CoordinatorThread(worker, threadData, on);
  }

  /** Serves a worker channel from now on. Returns a function that ends this. */
  serve(channel: ChannelMemory): () => void {
    const id = ++this.#lastId;
    this.#channels.set(id, new WorkerChannel(channel));
    this.#order({ kind: 'serve', id, channel });
    return () => {
      this.#channels.delete(id);
      this.#order({ kind: 'withdraw', id });
    };
  }

  /** Commands that wait for the present batch to end. */
  get queueLength(): number {
    return queuedCommands(this.#channels.values());
  }

  /** Open rounds, a tenth of a second ago at most. */
  get openRounds(): number {
    return this.stats.rounds.open.value;
  }

  /** False while the table is known to be wrong, as after a restored etcd: nothing is answered from it. */
  get answersRosters(): boolean {
    return this.stats.store.unanswerable.value === 0;
  }

  /** Carries out an operator's command. Its change is stored when this resolves. Rejects with CoordinatorBusyError. */
  operate(command: OperatorCommand): Promise<Reply> {
    return this.#query(command) as Promise<Reply>;
  }

  /** Resolves to a page of clusters. Rejects with CoordinatorBusyError. */
  clusters(query: ClusterQuery): Promise<ClusterPage> {
    return this.#query({ kind: 'clusters', query }) as Promise<ClusterPage>;
  }

  /** Resolves to a cluster with its members, or undefined if there is none. Rejects with CoordinatorBusyError. */
  cluster(cluster: ClusterRef): Promise<ShownCluster | undefined> {
    return this.#query({ kind: 'cluster', cluster }) as Promise<ShownCluster | undefined>;
  }

  /** Resolves to the overview of the table. Rejects with CoordinatorBusyError. */
  overview(): Promise<TableOverview> {
    return this.#query({ kind: 'overview' }) as Promise<TableOverview>;
  }

  /** Replaces the limits of the table and the rates of its growth. Batches from now on go by them. */
  setLimits(limits: TableLimits, rates: GrowthRates): void {
    if (!this.#closing) this.#order({ kind: 'limits', limits, rates });
  }

  async #query(query: OperatorQuery): Promise<OperatorReply> {
    if (this.#closing) throw stopping();
    if (this.#queries.size >= OPERATOR_QUERIES_MAX) throw new CoordinatorBusyError(TOO_MANY);
    const id = ++this.#lastId;
    const reply = new Promise<OperatorReply>((resolve, reject) => {
      this.#queries.set(id, { resolve, reject });
      this.#order({ kind: 'query', id, query });
    });
    return reply.finally(() => this.#queries.delete(id));
  }

  /** Copies the store to a new directory. Rejects if a backup is in work already, and with the store's error. */
  async backup(directory: string): Promise<void> {
    if (this.#closing) throw new Error(STOPPING);
    if (this.#pendingBackup) throw new Error('a backup is in work already');
    const failure = await new Promise<string | undefined>((resolve) => {
      this.#pendingBackup = resolve;
      this.#order({ kind: 'backup', directory });
    });
    this.#pendingBackup = undefined;
    if (failure !== undefined) throw new Error(failure);
  }

  /** Refuses new commands, finishes those that have come, closes the store, and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    const exited = once(this.#worker, 'exit');
    this.#order({ kind: 'close' });
    await exited;
  }

  /**
   * Orders arrive through the event loop; a thread that sleeps on its parker gives it no turn, so unpark the thread.
   */
  #order(order: Order): void {
    this.#worker.postMessage(order);
    this.#ordered.set();
    this.#parker.unpark();
  }
}
