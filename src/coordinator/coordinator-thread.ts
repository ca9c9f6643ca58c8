// The coordinator as a thread: what runs in it, and the main thread's handle on it. Between the two pass only `loaded`,
// requests for metrics, and the order to close; commands come straight from the workers.
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client';
import { coordinatorMetrics } from '../metrics/coordinator-metrics.ts';
import { ClusterTable } from '../registry/cluster-table.ts';
import { openStore, type StoreName } from '../store/open-store.ts';
import { Coordinator } from './coordinator.ts';
import { acceptPorts } from './coordinator-port.ts';

/** What the thread is started with. */
interface CoordinatorWorkerData {
  readonly registryId: string;
  readonly store: StoreName;
}

type Order = { readonly kind: 'metrics'; readonly id: number } | { readonly kind: 'close' };
type Metrics = MetricObjectWithValues<MetricValue<string>>[];
type Report =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'trouble'; readonly message: string }
  | { readonly kind: 'metrics'; readonly id: number; readonly metrics: Metrics };

/** A scrape does not wait longer than this for the coordinator. */
const METRICS_TIMEOUT_MS = 1_000;

/** Where a thread's code is and how Node has to be told to run it. */
export interface ThreadEntry {
  readonly url: URL;
  readonly execArgv: string[];
}

/** The main thread's handle. */
export class CoordinatorThread {
  readonly #worker: Worker;
  readonly #metricsAsked = new Map<number, (metrics: Metrics) => void>();
  #lastId = 0;
  #closing = false;

  private constructor(worker: Worker, onTrouble: (message: string) => void, onDeath: (error: unknown) => void) {
    this.#worker = worker;
    worker.on('message', (report: Report) => {
      if (report.kind === 'metrics') this.#metricsAsked.get(report.id)?.(report.metrics);
      if (report.kind === 'trouble') onTrouble(report.message);
    });
    worker.on('error', onDeath);
    worker.on('exit', (code) => {
      if (!this.#closing) onDeath(new Error(`the coordinator ended with code ${code}`));
    });
  }

  /** Starts the thread and resolves when the table is loaded; rejects if it cannot be. */
  static async start(
    entry: ThreadEntry,
    data: CoordinatorWorkerData,
    on: { trouble(message: string): void; death(error: unknown): void },
  ): Promise<CoordinatorThread> {
    const worker = new Worker(entry.url, { workerData: data, execArgv: entry.execArgv });
    // The first report is `loaded`; an error before it rejects.
    const died = once(worker, 'exit').then(([code]) => {
      throw new Error(`the coordinator ended with code ${code} before the table was loaded`);
    });
    await Promise.race([once(worker, 'message'), died]);
    died.catch(() => {});
    return new CoordinatorThread(worker, on.trouble, on.death);
  }

  get threadId(): number {
    return this.#worker.threadId;
  }

  /** The coordinator's metrics; none if it does not answer in time. */
  async metrics(): Promise<Metrics> {
    const id = ++this.#lastId;
    const metrics = await new Promise<Metrics>((resolve) => {
      const timeout = setTimeout(() => resolve([]), METRICS_TIMEOUT_MS);
      this.#metricsAsked.set(id, (metrics) => {
        clearTimeout(timeout);
        resolve(metrics);
      });
      this.#worker.postMessage({ kind: 'metrics', id } satisfies Order);
    });
    this.#metricsAsked.delete(id);
    return metrics;
  }

  /** Closes the store and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies Order);
    await exited;
  }
}

/** The thread itself: opens the store, loads the table, and serves the workers' ports. */
export async function runCoordinator(): Promise<void> {
  const { registryId, store: storeName } = workerData as CoordinatorWorkerData;
  const main = parentPort!;
  const report = (message: Report) => main.postMessage(message);
  const registry = new Registry();
  const store = openStore(storeName);
  const table = new ClusterTable(registryId);
  const metrics = coordinatorMetrics(registry, {
    queueLength: () => coordinator.queueLength,
    counts: () => table.counts,
  });
  const coordinator = new Coordinator(table, store, {
    batch: metrics.batch,
    trouble(error) {
      metrics.trouble(error);
      report({ kind: 'trouble', message: error instanceof Error ? error.message : String(error) });
    },
  });
  await coordinator.load();
  acceptPorts(coordinator);
  main.on('message', async (order: Order) => {
    if (order.kind === 'metrics') {
      return report({ kind: 'metrics', id: order.id, metrics: await registry.getMetricsAsJSON() });
    }
    await store.close();
    process.exit(0);
  });
  report({ kind: 'loaded' });
}
