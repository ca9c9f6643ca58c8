// Binds a port that another process may release soon.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { PORT_WAIT_MS } from '../limits.ts';
import { ListenError, type Listener } from '../net/connection.ts';

const PORT_RETRY_MS = 100;

/** Retries a failure that may pass for PORT_WAIT_MS. Rejects with ListenError. */
export async function listenPatiently<L extends Listener>(listen: () => Promise<L>, log: Logger): Promise<L> {
  const deadline = performance.now() + PORT_WAIT_MS;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await listen();
    } catch (error) {
      if (!(error instanceof ListenError && error.mayPass) || performance.now() >= deadline) throw error;
      if (isFirst) log.warn({ reason: error.message }, `a port is not free yet: trying for ${PORT_WAIT_MS / 1000} s`);
    }
    await pause(PORT_RETRY_MS);
  }
}
