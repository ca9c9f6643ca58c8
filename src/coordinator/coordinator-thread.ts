// The coordinator as a thread: what runs in it, and the main thread's handle on it. Between the two pass only `loaded`, the
// lanes it is to serve, what operators ask, and the order to close; commands of clients come straight from the workers, and
// what is counted is left where the main thread reads it.
import { AssertionError } from 'node:assert';
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { GrowthBudgets, type GrowthRates } from '../admission/growth-budgets.ts';
import { Bell } from '../lanes/bell.ts';
import { Flag } from '../lanes/flag.ts';
import { Lane, type LaneMemory } from '../lanes/lane.ts';
import { watchLoopDelay } from '../metrics/loop-delay.ts';
import type { ClusterPage, ClusterQuery } from '../registry/cluster-scan.ts';
import { ClusterTable, type TableLimits, type TableOverview } from '../registry/cluster-table.ts';
import type { ClusterRef, OperatorCommand, Registration, Reply } from '../registry/command.ts';
import { isShared, openStore, placeOf, type StoreSettings } from '../store/open-store.ts';
import { type Store, StoreUnusableError } from '../store/store.ts';
import { giveWay } from '../thread-priority.ts';
import { monotonicSeconds } from '../thread-readings.ts';
import { isLoadFailure, ThreadLoadError, threadUrl } from '../thread-url.ts';
import { signedContentDigest } from '../wire/member-token.ts';
import { Charges } from './charges.ts';
import { ClusterBoard, newBoardMemory } from './cluster-board.ts';
import { Coordinator, CoordinatorClosingError } from './coordinator.ts';
import { type CoordinatorNumbers, coordinatorNumbers, newNumbersMemory, tellNumbers } from './coordinator-numbers.ts';
import { answerOperator, type OperatorAnswer, type OperatorQuestion, type ShownCluster } from './operator-questions.ts';
import { ReplacedTokens } from './replaced-tokens.ts';
import { serveLanes, waitingQuestions } from './serve-lanes.ts';

/** What the thread is started with. */
interface CoordinatorWorkerData {
  readonly store: StoreSettings;
  readonly limits: TableLimits;
  /** What each address may add to the table (R4), in memory that the front end shares. */
  readonly growth: { readonly memory: SharedArrayBuffer; readonly rates: GrowthRates };
}

/** The same, what wakes the thread, what says that it has an order, what it counts in, and what it shows the workers. */
interface ThreadData extends CoordinatorWorkerData {
  readonly bell: SharedArrayBuffer;
  readonly ordered: SharedArrayBuffer;
  readonly numbers: SharedArrayBuffer;
  readonly board: SharedArrayBuffer | undefined;
}

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

type Order =
  | { readonly kind: 'serve'; readonly id: number; readonly lane: LaneMemory }
  | { readonly kind: 'withdraw'; readonly id: number }
  | { readonly kind: 'backup'; readonly directory: string }
  | { readonly kind: 'question'; readonly id: number; readonly question: OperatorQuestion }
  | { readonly kind: 'close' };
type Report =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'unusable'; readonly message: string; readonly mayPass: boolean }
  | { readonly kind: 'full' | 'unreachable'; readonly reason: string | undefined }
  | { readonly kind: 'broken'; readonly message: string }
  | { readonly kind: 'replayed'; readonly clientId: string; readonly name: string }
  | { readonly kind: 'backup'; readonly failure: string | undefined }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: OperatorAnswer };

/** Questions of operators that may be under way at once; who asks beyond that is to come again. */
export const OPERATOR_QUESTIONS_MAX = 64;

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
  resolve(answer: OperatorAnswer): void;
  reject(error: Error): void;
}

/** Loading a table makes objects that stay: with little room for young ones they would be moved about too often. */
const YOUNG_GENERATION_MB = 64;

/**
 * Steps by which the workers and the main thread go first where cores are short: what they come to ask meanwhile is stored
 * in the same commit. On two cores the thread takes a fifth less for a session at 128 connections, a tenth less at 16.
 */
const PRIORITY_STEPS = 5;

/** How often the table is looked through for what has expired. */
const SWEEP_INTERVAL_MS = 1_000;

/** How often the thread tells of itself. */
const TELL_INTERVAL_MS = 100;

/** The main thread's handle. */
export class CoordinatorThread {
  /** For `Bell`: rung when a lane has a question. */
  readonly bell: SharedArrayBuffer;
  /** For `BoardReader`; none where other servers write the same store. */
  readonly board: SharedArrayBuffer | undefined;
  /** What it counts and tells of itself. */
  readonly numbers: CoordinatorNumbers;
  readonly #worker: Worker;
  readonly #bell: Bell;
  readonly #ordered: Flag;
  readonly #lanes = new Map<number, Lane>();
  /** Questions of operators under way, OPERATOR_QUESTIONS_MAX at most. */
  readonly #questions = new Map<number, Answering>();
  #backupAsked: ((failure: string | undefined) => void) | undefined;
  #lastId = 0;
  #closing = false;

  private constructor(worker: Worker, { bell, ordered, numbers, board }: ThreadData, on: CoordinatorEvents) {
    this.bell = bell;
    this.#bell = new Bell(bell);
    this.#ordered = new Flag(ordered);
    this.board = board;
    this.numbers = coordinatorNumbers(numbers);
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
    const board = isShared(data.store.name) ? undefined : newBoardMemory();
    const threadData: ThreadData = {
      ...data,
      bell: new SharedArrayBuffer(4),
      ordered: new SharedArrayBuffer(4),
      numbers: newNumbersMemory(),
      board,
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

  /** Answers the questions of a lane from now on. Returns what ends it. */
  serve(lane: LaneMemory): () => void {
    const id = ++this.#lastId;
    this.#lanes.set(id, new Lane(lane));
    this.#order({ kind: 'serve', id, lane });
    return () => {
      this.#lanes.delete(id);
      this.#order({ kind: 'withdraw', id });
    };
  }

  /** Commands waiting for the batch under way. */
  get queueLength(): number {
    return waitingQuestions(this.#lanes.values());
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

  async #question(question: OperatorQuestion): Promise<OperatorAnswer> {
    if (this.#closing) throw stopping();
    if (this.#questions.size >= OPERATOR_QUESTIONS_MAX) throw new CoordinatorBusyError('too many questions at once');
    const id = ++this.#lastId;
    const answer = new Promise<OperatorAnswer>((resolve, reject) => {
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

  /** An order comes through the event loop, which a thread asleep on its bell gives no turn. */
  #order(order: Order): void {
    this.#worker.postMessage(order);
    this.#ordered.raise();
    this.#bell.ring();
  }
}

/** The thread itself: opens the store, loads the table, and serves the workers' lanes. */
export async function runCoordinator(): Promise<void> {
  const {
    store: settings,
    limits,
    growth,
    bell: bellMemory,
    ordered,
    numbers: numbersMemory,
    board,
  } = workerData as ThreadData;
  const bell = new Bell(bellMemory);
  const lanes = new Map<number, Lane>();
  const main = parentPort!;
  const report = (message: Report) => main.postMessage(message);
  let store: Store;
  let coordinator: Coordinator;
  const clock = () => performance.now();
  const table = new ClusterTable(settings.registryId, limits, clock(), isShared(settings.name));
  const numbers = coordinatorNumbers(numbersMemory);
  const tell = tellNumbers(numbers, table);
  watchLoopDelay(numbers.loopDelay);
  const replacedTokens = new ReplacedTokens(signedContentDigest);
  try {
    const began = clock();
    store = await openStore(settings, tell);
    const observer = {
      ...tell,
      full: (reason: string | undefined) => {
        tell.full(reason);
        report({ kind: 'full', reason });
      },
      unreachable: (reason: string | undefined) => {
        tell.unreachable(reason);
        report({ kind: 'unreachable', reason });
      },
      replaced: (before: Registration, { clientId, name, token }: Registration) => {
        if (!replacedTokens.replace(clientId, before.token, token)) return;
        numbers.replayedTokens.value += 1;
        report({ kind: 'replayed', clientId, name });
      },
      // Closed first: a process that exits with an open table may crash instead.
      broken: (error: unknown) => {
        const message = messageOf(error);
        void store.close().then(
          () => report({ kind: 'broken', message }),
          () => report({ kind: 'broken', message }),
        );
      },
    };
    const charges = new Charges(new GrowthBudgets(growth.memory, growth.rates), monotonicSeconds);
    coordinator = new Coordinator(table, store, observer, clock, board && new ClusterBoard(board), charges);
    await coordinator.load();
    tell.loaded((clock() - began) / 1000);
    tell.now(store);
    setInterval(() => tell.now(store), TELL_INTERVAL_MS).unref();
  } catch (error) {
    // Records that do not fit together break a promise of the table, which is the store's fault here.
    if (!(error instanceof StoreUnusableError || error instanceof AssertionError)) throw error;
    const mayPass = error instanceof StoreUnusableError && error.mayPass;
    report({ kind: 'unusable', message: `${placeOf(settings)}: ${error.message}`, mayPass });
    return;
  }
  // Not before the table is loaded, for which everybody waits.
  giveWay(PRIORITY_STEPS);
  const waiting = { blocking: !isShared(settings.name), gathering: settings.name === 'lmdb' };
  void serveLanes(coordinator, bell, new Flag(ordered), lanes, waiting);
  setInterval(() => coordinator.sweep(), SWEEP_INTERVAL_MS);
  /** Questions of operators under way; the main thread bounds them. */
  const answering = new Set<Promise<void>>();
  main.on('message', async (order: Order) => {
    if (order.kind === 'serve') {
      lanes.set(order.id, new Lane(order.lane));
      // It may have asked already.
      bell.ring();
    } else if (order.kind === 'withdraw') {
      lanes.delete(order.id);
    } else if (order.kind === 'question') {
      const answered = answerUnlessClosing(coordinator, order, report);
      answering.add(answered);
      await answered.finally(() => answering.delete(answered));
    } else if (order.kind === 'backup') {
      const failure = await store.backup(order.directory).then(() => undefined, messageOf);
      report({ kind: 'backup', failure });
    } else {
      await coordinator.close();
      // What was answered is told before the thread ends.
      await Promise.allSettled(answering);
      process.exit(0);
    }
  });
  report({ kind: 'loaded' });
}

/** Reports the answer. A question that closing cut short has none; the main thread rejects it when the thread ends. */
async function answerUnlessClosing(
  coordinator: Coordinator,
  { id, question }: Order & { readonly kind: 'question' },
  report: (message: Report) => void,
): Promise<void> {
  try {
    report({ kind: 'answer', id, answer: await answerOperator(coordinator, question) });
  } catch (error) {
    if (!(error instanceof CoordinatorClosingError)) throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
