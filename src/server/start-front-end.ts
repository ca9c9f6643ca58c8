// Start step 7: the front end of the main thread with its workers. Once it runs, connections are served.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { FrontEnd, type FrontSettings } from '../front/front-end.ts';
import { registryToken } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import { MARK_MS } from '../limits.ts';
import { poolMetrics } from '../metrics/pool-metrics.ts';
import { sessionMetrics } from '../metrics/session-metrics.ts';
import { threadMetrics } from '../metrics/thread-metrics.ts';
import { waitMetrics } from '../metrics/wait-metrics.ts';
import { watchLoopDelay } from '../runtime/loop-delay.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import { newSequence } from '../shared-memory/shared-sequence.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import { openDialects } from './open-dialects.ts';
import type { ServerContext } from './server-context.ts';

/** Above the longest roster: 64 members with 4096-bit keys and all end points take less than 160 KB. */
const REPLY_BYTES_MAX_WS = 256 * 1024;

/** Resolves when every worker runs. Rejects with ThreadLoadError. */
export async function startFrontEnd(
  context: ServerContext,
  identity: Identity,
  coordinator: CoordinatorThread,
  regCred: RegCred,
): Promise<void> {
  const { config, observer, host, state, connections, clients, frontStats } = context;
  const settings = frontSettings(context, identity, coordinator, regCred);
  const { log, onDeath } = observer;
  const front = new FrontEnd(settings, frontStats[0]!, {
    ...{ log, coordinator, clients, startWorkers: host.startWorkers, givenUp: onDeath },
  });
  context.onStop(() => front.close());
  registerMetrics(context, coordinator, front);
  startMarks(context, coordinator, front);
  await front.loaded();
  state.pool = {
    get silentMs() {
      return front.state.silentMs;
    },
  };
  front.serve(connections);
  context.onStop(() => connections.drain(config.drainGraceMs));
}

function frontSettings(
  context: ServerContext,
  identity: Identity,
  coordinator: CoordinatorThread,
  regCred: RegCred,
): FrontSettings {
  const { config, host } = context;
  const registry = {
    commsKey: identity.commsKey,
    previousCommsKey: identity.previousCommsKey,
    registryToken: registryToken(identity, regCred),
    version: PROTOCOL_VERSION,
    testKeys: host.testKeys,
    replyBytesMax: { tcp: config.replyBytesMax, ws: REPLY_BYTES_MAX_WS },
    ...openDialects(context, identity, regCred, coordinator),
  };
  const { helloTimeoutMs, partialTimeoutMs, idleTimeoutMs, joinedIdleTimeoutMs, writeTimeoutMs } = config;
  return {
    front: 0,
    workers: config.workers,
    helloQueueMs: config.helloQueueMs,
    registry,
    deadlines: { helloTimeoutMs, partialTimeoutMs, idleTimeoutMs, joinedIdleTimeoutMs, writeTimeoutMs },
    hellos: {
      rsaBytes: registry.dialects.some((name) => name !== 'sealed') ? modulusOf(identity.commsKey).length : undefined,
      sealed: registry.sealed !== undefined,
    },
    slowSessionMs: config.slowSessionMs,
    changes: coordinator.changes,
    connectionNumbers: newSequence(),
  };
}

/** Sends marks while a round is open (Q7). */
function startMarks({ config, onStop }: ServerContext, coordinator: CoordinatorThread, front: FrontEnd): void {
  let number = 0;
  const marks = setInterval(() => {
    if (coordinator.openRounds > 0) front.mark({ number: ++number, workers: config.workers });
  }, MARK_MS);
  onStop(async () => clearInterval(marks));
}

function registerMetrics(
  { metrics, frontStats, onStop }: ServerContext,
  { stats }: CoordinatorThread,
  front: FrontEnd,
): void {
  sessionMetrics(
    metrics,
    frontStats.map(({ sessions }) => sessions),
  );
  poolMetrics(
    metrics,
    frontStats.map(({ pool }) => pool),
    () => [front.state.queueLengths],
  );
  waitMetrics(metrics, () => [front.state.waits]);
  const main = frontStats[0]!.loopDelay;
  const endWatch = watchLoopDelay(main);
  onStop(async () => endWatch());
  threadMetrics(metrics, {
    stats: () => [
      ['main', readThreadStats()],
      ['coordinator', stats.thread.read()],
      ...front.threadStats.map((threadStats, index) => [`worker-${index}`, threadStats] as const),
    ],
    loopDelays: { main, coordinator: stats.loopDelay },
  });
}
