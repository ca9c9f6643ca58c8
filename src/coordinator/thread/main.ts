// The coordinator's thread: opens the store, loads the table, serves the worker channels, and carries out orders.
import { AssertionError } from 'node:assert';
import { parentPort, workerData } from 'node:worker_threads';
import { GrowthBudgets } from '../../admission/growth-budgets.ts';
import { ClusterTable } from '../../registry/cluster-table.ts';
import type { Registration } from '../../registry/command.ts';
import { watchLoopDelay } from '../../runtime/loop-delay.ts';
import { nameThread } from '../../runtime/thread-name.ts';
import { lowerThreadPriority } from '../../runtime/thread-priority.ts';
import { monotonicSeconds } from '../../runtime/thread-stats.ts';
import { AtomicFlag } from '../../shared-memory/atomic-flag.ts';
import { ChangeRing } from '../../shared-memory/change-ring.ts';
import { Parker } from '../../shared-memory/parker.ts';
import { WorkerChannel } from '../../shared-memory/worker-channel.ts';
import { isShared, openStore, placeOf } from '../../store/open-store.ts';
import { type Store, StoreUnusableError } from '../../store/store.ts';
import { signedContentDigest } from '../../wire/member-token.ts';
import { BodyMaker } from '../body-maker.ts';
import { Charges } from '../charges.ts';
import { Coordinator, CoordinatorClosingError } from '../coordinator.ts';
import type { CoordinatorObserver } from '../coordinator-observer.ts';
import {
  type CoordinatorRecorder,
  type CoordinatorStats,
  coordinatorStats,
  recordStats,
} from '../coordinator-stats.ts';
import { MarkCollector } from '../marks.ts';
import { answerQuery } from '../operator-queries.ts';
import { ReplacedTokens } from '../replaced-tokens.ts';
import { RosterCache } from '../roster-cache/writer.ts';
import { serveChannels } from '../serve-channels.ts';
import { AdditionQueue } from '../table-additions.ts';
import type { Order, Report, ThreadData } from './messages.ts';

/** Steps of `nice`. The other threads run first if cores are short, so that more commands share a commit. */
const PRIORITY_STEPS = 5;

/** Time between two sweeps. */
const SWEEP_INTERVAL_MS = 1_000;

/** Time between two records of the thread's own state. */
const RECORD_INTERVAL_MS = 100;

const clock = () => performance.now();

/** The place where a coordinator runs. */
export interface CoordinatorHost {
  /** False if the thread has other work, too: the coordinator then neither blocks it nor changes its priority. */
  readonly ownThread: boolean;
  report(message: Report): void;
  /** Delivers each order from now on. */
  onOrder(take: (order: Order) => void): void;
  /** The coordinator has closed. */
  ended(): void;
}

/** Entry of the thread. The order to close ends the thread. */
export async function runCoordinator(): Promise<void> {
  nameThread('coordinator');
  await runCoordinatorIn(
    {
      ownThread: true,
      report: (message) => parentPort!.postMessage(message),
      onOrder: (take) => parentPort!.on('message', take),
      ended: () => process.exit(0),
    },
    workerData as ThreadData,
  );
}

/** Resolves when the table is loaded or has turned out to be unusable, which it reports. */
export async function runCoordinatorIn(host: CoordinatorHost, data: ThreadData): Promise<void> {
  const opened = await open(host, data);
  if (opened === undefined) return;
  // Loading runs at full priority, because every client waits for it.
  if (host.ownThread) lowerThreadPriority(PRIORITY_STEPS);
  const { coordinator } = opened;
  const parker = new Parker(data.parker);
  const channels = new Map<number, WorkerChannel>();
  const waiting = {
    blocking: host.ownThread && !isShared(data.store.name),
    gathering: host.ownThread && data.store.name === 'lmdb',
  };
  void serveChannels(
    coordinator,
    parker,
    new AtomicFlag(data.ordered),
    channels,
    waiting,
    new MarkCollector(coordinator, clock),
  );
  const sweeping = setInterval(() => coordinator.sweep(), SWEEP_INTERVAL_MS);
  if (!host.ownThread) sweeping.unref();
  opened.onEnd(() => clearInterval(sweeping));
  takeOrders(host, opened, parker, channels);
  host.report({ kind: 'loaded' });
}

interface Opened {
  readonly store: Store;
  readonly budgets: GrowthBudgets;
  /** Undefined if nobody wants them. */
  readonly additions: AdditionQueue | undefined;
  readonly coordinator: Coordinator;
  /** Registers a function that ends a timer. */
  onEnd(end: () => void): void;
  end(): void;
}

/** Opens the store and loads the table. Reports an unusable store and returns undefined. */
async function open(host: CoordinatorHost, data: ThreadData): Promise<Opened | undefined> {
  const { store: settings, limits, growth, rosterCache } = data;
  const table = new ClusterTable(settings.registryId, limits, clock(), isShared(settings.name));
  const stats = coordinatorStats(data.stats);
  const recorder = recordStats(stats, table);
  const ends = [watchLoopDelay(stats.loopDelay)];
  const end = () => {
    for (const each of ends) each();
  };
  try {
    const began = clock();
    const store = await openStore(settings, recorder);
    table.setRosterMaker(new BodyMaker(settings.registryId, store.term ?? 1, Date.now));
    const additions = data.reportsAdditions
      ? new AdditionQueue((sent) => host.report({ kind: 'added', additions: sent }))
      : undefined;
    const observer = observe(host, recorder, stats, store, additions);
    const budgets = new GrowthBudgets(growth.memory, growth.rates);
    const charges = new Charges(budgets, monotonicSeconds);
    const cache = rosterCache && new RosterCache(rosterCache);
    const coordinator = new Coordinator(table, store, observer, clock, cache, charges, new ChangeRing(data.changes));
    await coordinator.load();
    recorder.loaded((clock() - began) / 1000);
    recorder.now(store);
    const record = () => {
      recorder.now(store);
      additions?.flush();
    };
    const recording = setInterval(record, RECORD_INTERVAL_MS).unref();
    ends.push(() => clearInterval(recording));
    return { store, budgets, coordinator, additions, onEnd: (each) => ends.push(each), end };
  } catch (error) {
    // An assertion of the table fails here only if the stored records contradict each other.
    if (!(error instanceof StoreUnusableError || error instanceof AssertionError)) throw error;
    const mayPass = error instanceof StoreUnusableError && error.mayPass;
    host.report({ kind: 'unusable', message: `${placeOf(settings)}: ${error.message}`, mayPass });
    end();
    return undefined;
  }
}

/** Records the coordinator's work, and reports to the main thread what cannot wait for a scrape. */
function observe(
  { report }: CoordinatorHost,
  recorder: CoordinatorRecorder,
  stats: CoordinatorStats,
  store: Store,
  additions: AdditionQueue | undefined,
): CoordinatorObserver {
  const replacedTokens = new ReplacedTokens(signedContentDigest);
  return {
    ...recorder,
    ...(additions && { added: (addition) => additions.add(addition) }),
    full(reason) {
      recorder.full(reason);
      report({ kind: 'full', reason });
    },
    unreachable(reason) {
      recorder.unreachable(reason);
      report({ kind: 'unreachable', reason });
    },
    replaced(before: Registration, { clientId, name, token }: Registration) {
      if (!replacedTokens.replace(clientId, before.token, token)) return;
      stats.replayedTokens.value += 1;
      report({ kind: 'replayed', clientId, name });
    },
    round(event) {
      recorder.round?.(event);
      if (event.kind === 'expired' || event.kind === 'emptied') report({ kind: 'expired', seats: event.seats });
    },
    displaced({ clientId, name }, seats) {
      stats.displaced.value += 1;
      report({ kind: 'displaced', clientId, name, seats });
    },
    broken(error) {
      const message = messageOf(error);
      const announce = () => report({ kind: 'broken', message });
      // Close first: a process that exits with an open LMDB table may crash.
      void store.close().then(announce, announce);
    },
  };
}

/** Carries out each order of the main thread from now on. */
function takeOrders(
  host: CoordinatorHost,
  { store, budgets, coordinator, additions, end }: Opened,
  parker: Parker,
  channels: Map<number, WorkerChannel>,
): void {
  /** Operators' queries in work. Bound: OPERATOR_QUERIES_MAX, held by the handle. */
  const pending = new Set<Promise<void>>();
  host.onOrder(async (order: Order) => {
    switch (order.kind) {
      case 'serve':
        channels.set(order.id, new WorkerChannel(order.channel));
        // The worker may have queued a command before this order came.
        parker.unpark();
        return;
      case 'withdraw':
        channels.delete(order.id);
        return;
      case 'query': {
        const replied = replyUnlessClosing(host, coordinator, order);
        pending.add(replied);
        await replied.finally(() => pending.delete(replied));
        return;
      }
      case 'limits':
        // Between two batches, so a charge and its return have the same rate.
        await unlessClosing(
          coordinator.look((table) => {
            table.setLimits(order.limits);
            budgets.setRates(order.rates);
          }),
        );
        return;
      case 'backup':
        host.report({ kind: 'backup', failure: await store.backup(order.directory).then(() => undefined, messageOf) });
        return;
      case 'close':
        await coordinator.close();
        // Replies leave before the thread ends.
        await Promise.allSettled(pending);
        additions?.flush();
        end();
        parker.unpark();
        host.ended();
    }
  });
}

/** Reports the reply. A query that closing cut short gets none; the handle rejects it when the thread ends. */
async function replyUnlessClosing(
  { report }: CoordinatorHost,
  coordinator: Coordinator,
  { id, query }: Order & { readonly kind: 'query' },
): Promise<void> {
  await unlessClosing(answerQuery(coordinator, query).then((reply) => report({ kind: 'reply', id, reply })));
}

/** Closing may cut work short. Rejects with any other error. */
async function unlessClosing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CoordinatorClosingError)) throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
