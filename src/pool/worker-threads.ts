// The threads of a pool. Piscina starts them, and starts another one for each that has died.
import { Piscina } from 'piscina';
import { threadUrl } from '../runtime/thread-url.ts';
import type { PoolWorkerData, WorkerStart } from './worker.ts';

/** The workers of a pool. */
export interface PoolWorkers {
  /** Runs a worker. Settles when it has failed, or after destroy(). */
  run(start: WorkerStart): Promise<unknown>;
  /** Ends all workers. */
  destroy(): Promise<void>;
}

/** Makes the workers of a pool. `cannotLoad` receives the error of code that cannot be loaded. */
export type StartWorkers = (count: number, data: PoolWorkerData, cannotLoad: (error: unknown) => void) => PoolWorkers;

/** Workers with a thread each. */
export const startWorkerThreads: StartWorkers = (count, workerData, cannotLoad) => {
  const piscina = new Piscina({
    filename: threadUrl('pool-worker').href,
    execArgv: [],
    minThreads: count,
    maxThreads: count,
    workerData,
  });
  // A worker that dies with a task rejects that task, which run() returns. This event means a worker without a task:
  // its code could not be loaded.
  piscina.on('error', cannotLoad);
  return { run: (start) => piscina.run(start), destroy: () => piscina.destroy() };
};
