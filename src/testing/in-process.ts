// Runs the coordinator and the workers of a server on the calling thread. A thread takes longer to start than the rest of
// a registry, and a test has few clients.
import { EventEmitter } from 'node:events';
import type { LaunchCoordinator } from '../coordinator/thread/handle.ts';
import { runCoordinatorIn } from '../coordinator/thread/main.ts';
import { serveBesideOthers } from '../pool/worker.ts';
import type { StartWorkers } from '../pool/worker-threads.ts';
import type { ServerHost } from '../server/server-context.ts';

/** Delivers messages in a later turn and as copies, like a Worker. */
const launchCoordinator: LaunchCoordinator = (data) => {
  const running = new EventEmitter();
  const emit = (event: string, value: unknown) => setImmediate(() => running.emit(event, value));
  let take: ((order: never) => void) | undefined;
  const host = {
    ownThread: false,
    report: (message: unknown) => void emit('message', structuredClone(message)),
    onOrder(taker: (order: never) => void) {
      take = taker;
    },
    ended: () => void emit('exit', 0),
  };
  runCoordinatorIn(host, data).catch((error: unknown) => emit('error', error));
  return Object.assign(running, {
    postMessage: (order: unknown) =>
      void setImmediate((copy: unknown) => take?.(copy as never), structuredClone(order)),
  });
};

const startWorkers: StartWorkers = (_, data) => {
  const end = new AbortController();
  return {
    run: (start) => serveBesideOthers(data, start, end.signal),
    destroy: async () => end.abort(),
  };
};

/** The host of a registry inside a test, the only one that accepts the published test keys (K7). */
export const IN_PROCESS: ServerHost = { launchCoordinator, startWorkers, testKeys: true };
