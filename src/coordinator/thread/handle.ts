// The main thread's handle on the coordinator's thread: starts it, gives it orders, and takes its reports.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ClusterPage, ClusterQuery } from '../../registry/cluster-scan.ts';
import type { TableOverview } from '../../registry/cluster-table.ts';
import type { ClusterRef, OperatorCommand, Reply } from '../../registry/command.ts';
import { isLoadFailure, ThreadLoadError, threadUrl } from '../../runtime/thread-url.ts';
import { AtomicFlag } from '../../shared-memory/atomic-flag.ts';
import { Parker } from '../../shared-memory/parker.ts';
import { type ChannelMemory, WorkerChannel } from '../../shared-memory/worker-channel.ts';
import { isShared } from '../../store/open-store.ts';
import { StoreUnusableError } from '../../store/store.ts';
import { type CoordinatorStats, coordinatorStats, newStatsMemory } from '../coordinator-stats.ts';
import type { OperatorQuery, OperatorReply, ShownCluster } from '../operator-queries.ts';
import { newRosterCacheMemory } from '../roster-cache/page.ts';
import { waitingQuestions } from '../serve-channels.ts';
import type { CoordinatorWorkerData, Order, Report, ThreadData } from './messages.ts';

/** What the main thread is told. */
export interface CoordinatorEvents {
  /** The store has no room, or (undefined) has room again. */
  full(reason: string | undefined): void;
  /** The store cannot be reached, or (undefined) can be again. */
  unreachable(reason: string | undefined): void;
  /** A client, by its ID and name, has come with a token that it had replaced. */
  tokenReplayed(clientId: string, name: string): void;
  /** The coordinator is gone, or must not go on: neither must the process. */
  death(error: unknown): void;
}

/** Operators' queries under way at once, below what one address may have of connections to the admin port. */
export const OPERATOR_QUESTIONS_MAX = 24;

/** As many questions of operators are under way as there may be, or the coordinator closes. */
export class CoordinatorBusyError extends Error {
  override readonly name = 'CoordinatorBusyError';
}

const STOPPING = 'the registry is stopping';

function stopping(): CoordinatorBusyError {
  return new CoordinatorBusyError(STOPPING);
}

/** What waits for the answer to a question. */
interface Answering {
  resolve(answer: OperatorReply): void;
  reject(error: Error): void;
}

/** Loading a table makes objects that stay: with little room for young ones they would be moved about too often. */
const YOUNG_GENERATION_MB = 64;

/** The main thread's handle. */
export class CoordinatorThread {
  /** For `Parker`: rung when a channel has a question. */
  readonly parker: SharedArrayBuffer;
  /** For `RosterCacheReader`; none where other servers write the same store. */
  readonly rosterCache: SharedArrayBuffer | undefined;
  /** What it counts and tells of itself. */
  readonly stats: CoordinatorStats;
  readonly #worker: Worker;
  readonly #parker: Parker;
  readonly #ordered: AtomicFlag;
  readonly #channels = new Map<number, WorkerChannel>();
  /** Questions of operators under way, OPERATOR_QUESTIONS_MAX at most. */
  readonly #questions = new Map<number, Answering>();
  #backupAsked: ((failure: string | undefined) => void) | undefined;
  #lastId = 0;
  #closing = false;

  private constructor(worker: Worker, { parker, ordered, numbers, rosterCache }: ThreadData, on: CoordinatorEvents) {
    this.parker = parker;
    this.#parker = new Parker(parker);
    this.#ordered = new AtomicFlag(ordered);
    this.rosterCache = rosterCache;
    this.stats = coordinatorStats(numbers);
    this.#worker = worker;
    worker.on('message', (report: Report) => {
      if (report.kind === 'full' || report.kind === 'unreachable') on[report.kind](report.reason);
      else if (report.kind === 'broken') on.death(new Error(report.message));
      else if (report.kind === 'replayed') on.tokenReplayed(report.clientId, report.name);
      else if (report.kind === 'backup') this.#backupAsked?.(report.failure);
      else if (report.kind === 'answer') this.#questions.get(report.id)?.resolve(report.answer);
    });
    worker.on('error', on.death);
    worker.on('exit', (code) => {
      for (const { reject } of this.#questions.values()) reject(stopping());
      this.#backupAsked?.(STOPPING);
      if (!this.#closing) on.death(new Error(`the coordinator ended with code ${code}`));
    });
  }

  /** Starts the thread and resolves when the table is loaded; rejects if it cannot be. */
  static async start(data: CoordinatorWorkerData, on: CoordinatorEvents): Promise<CoordinatorThread> {
    const rosterCache = isShared(data.store.name) ? undefined : newRosterCacheMemory();
    const threadData: ThreadData = {
      ...data,
      parker: new SharedArrayBuffer(4),
      ordered: new SharedArrayBuffer(4),
      numbers: newStatsMemory(),
      rosterCache,
    };
    const worker = new Worker(threadUrl('coordinator-thread'), {
      workerData: threadData,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const died = once(worker, 'exit').then(([code]) => {
      throw new Error(`the coordinator ended with code ${code} before the table was loaded`);
    });
    died.catch(() => {});
    // The first report says whether the table could be loaded; an error before it rejects.
    const [first] = (await Promise.race([once(worker, 'message'), died]).catch((error) => {
      throw isLoadFailure(error) ? new ThreadLoadError('the coordinator', error) : error;
    })) as [Report];
    if (first.kind === 'unusable') throw new StoreUnusableError(first.message, { mayPass: first.mayPass });
    return new CoordinatorThread(worker, threadData, on);
  }

  /** Answers the questions of a channel from now on. Returns what ends it. */
  serve(channel: ChannelMemory): () => void {
    const id = ++this.#lastId;
    this.#channels.set(id, new WorkerChannel(channel));
    this.#order({ kind: 'serve', id, channel });
    return () => {
      this.#channels.delete(id);
      this.#order({ kind: 'withdraw', id });
    };
  }

  /** Commands waiting for the batch under way. */
  get queueLength(): number {
    return waitingQuestions(this.#channels.values());
  }

  /** Carries out what an operator wants changed; it is stored when this resolves. Rejects with CoordinatorBusyError. */
  operate(command: OperatorCommand): Promise<Reply> {
    return this.#question(command) as Promise<Reply>;
  }

  /** A page of clusters. Rejects with CoordinatorBusyError. */
  clusters(query: ClusterQuery): Promise<ClusterPage> {
    return this.#question({ kind: 'clusters', query }) as Promise<ClusterPage>;
  }

  /** A cluster with its members; undefined if there is none. Rejects with CoordinatorBusyError. */
  cluster(cluster: ClusterRef): Promise<ShownCluster | undefined> {
    return this.#question({ kind: 'cluster', cluster }) as Promise<ShownCluster | undefined>;
  }

  /** The table at a glance. Rejects with CoordinatorBusyError. */
  overview(): Promise<TableOverview> {
    return this.#question({ kind: 'overview' }) as Promise<TableOverview>;
  }

  async #question(question: OperatorQuery): Promise<OperatorReply> {
    if (this.#closing) throw stopping();
    if (this.#questions.size >= OPERATOR_QUESTIONS_MAX) throw new CoordinatorBusyError('too many questions at once');
    const id = ++this.#lastId;
    const answer = new Promise<OperatorReply>((resolve, reject) => {
      this.#questions.set(id, { resolve, reject });
      this.#order({ kind: 'question', id, question });
    });
    return answer.finally(() => this.#questions.delete(id));
  }

  /** Copies what is stored to a new directory. One at a time; rejects with what went wrong. */
  async backup(directory: string): Promise<void> {
    if (this.#closing) throw new Error(STOPPING);
    if (this.#backupAsked) throw new Error('a backup is under way');
    const failure = await new Promise<string | undefined>((resolve) => {
      this.#backupAsked = resolve;
      this.#order({ kind: 'backup', directory });
    });
    this.#backupAsked = undefined;
    if (failure !== undefined) throw new Error(failure);
  }

  /** Refuses what comes from now on, stores what has come, closes the store and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    const exited = once(this.#worker, 'exit');
    this.#order({ kind: 'close' });
    await exited;
  }

  /** An order comes through the event loop, which a thread asleep on its parker gives no turn. */
  #order(order: Order): void {
    this.#worker.postMessage(order);
    this.#ordered.set();
    this.#parker.unpark();
  }
}
