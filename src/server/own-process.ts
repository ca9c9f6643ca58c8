// A server that has its process for itself: a thread for the coordinator, and one for each worker.
import { launchCoordinatorThread } from '../coordinator/thread/handle.ts';
import { startWorkerThreads } from '../pool/worker-threads.ts';
import type { ServerHost } from './server-context.ts';

/** The host of every server but those inside tests. */
export const OWN_PROCESS: ServerHost = {
  launchCoordinator: launchCoordinatorThread,
  startWorkers: startWorkerThreads,
  testKeys: false,
};
