// Start step 7: the pool of workers. Once it runs, connections are served.
import { LiveClients } from '../connection/live-clients.ts';
import { ParkedRequests } from '../connection/parked-requests.ts';
import { SessionLog } from '../connection/session-log.ts';
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { registryToken } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import { MARK_MS } from '../limits.ts';
import { PoolMetrics } from '../metrics/pool-metrics.ts';
import { SessionMetrics } from '../metrics/session-metrics.ts';
import { threadMetrics } from '../metrics/thread-metrics.ts';
import { waitMetrics } from '../metrics/wait-metrics.ts';
import { Pool } from '../pool/pool.ts';
import { pooledRandom } from '../pool/pooled-random.ts';
import { LOOP_DELAY_SECONDS, watchLoopDelay } from '../runtime/loop-delay.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import { openDialects } from './open-dialects.ts';
import type { ServerContext } from './server-context.ts';

/** Above the longest roster: 64 members with 4096-bit keys and all end points take less than 160 KB. */
const REPLY_BYTES_MAX_WS = 256 * 1024;

/** Resolves when every worker runs. Rejects with ThreadLoadError. */
export async function startPool(
  context: ServerContext,
  identity: Identity,
  coordinator: CoordinatorThread,
  regCred: RegCred,
): Promise<void> {
  const { config, observer, host, metrics, state, connections } = context;
  const { log } = observer;
  const { workers, helloQueueMs } = config;
  const facts = {
    commsKey: identity.commsKey,
    previousCommsKey: identity.previousCommsKey,
    registryToken: registryToken(identity, regCred),
    version: PROTOCOL_VERSION,
    testKeys: host.testKeys,
    replyBytesMax: { tcp: config.replyBytesMax, ws: REPLY_BYTES_MAX_WS },
    ...openDialects(context, identity, regCred, coordinator),
  };
  const pool = new Pool(
    { workers, helloQueueMs, registry: facts, startWorkers: host.startWorkers },
    coordinator,
    poolObserver(context, () => pool),
  );
  startThreadMetrics(context, coordinator, pool);
  context.onStop(() => pool.close());
  const marks = setInterval(() => {
    if (coordinator.openRounds > 0) pool.mark();
  }, MARK_MS);
  context.onStop(async () => clearInterval(marks));
  await pool.loaded();
  state.pool = pool;
  const parked = new ParkedRequests(coordinator.changes);
  waitMetrics(metrics, () => parked.counts);
  context.onStop(async () => parked.close());
  const sessionMetrics = new SessionMetrics(metrics);
  connections.open({
    pool,
    parked,
    metrics: sessionMetrics,
    clients: new LiveClients((clientId) => {
      sessionMetrics.twinSeen();
      log.warn({ clientId }, 'one client ID is in use with different end points: was a member home copied?');
    }),
    log: new SessionLog(log, config.slowSessionMs),
    deadlines: config,
    random: pooledRandom(),
    hellos: {
      rsaBytes: facts.dialects.some((name) => name !== 'sealed') ? modulusOf(identity.commsKey).length : undefined,
      sealed: facts.sealed !== undefined,
    },
  });
  context.onStop(() => connections.drain(config.drainGraceMs));
}

function poolObserver({ observer, metrics }: ServerContext, pool: () => Pool): ConstructorParameters<typeof Pool>[2] {
  const { log, onDeath } = observer;
  const poolMetrics = new PoolMetrics(metrics, () => pool().queueLengths);
  return {
    handedOver: (jobs) => poolMetrics.handedOver(jobs),
    done: (kind, waited, call, times) => poolMetrics.done(kind, waited, call, times),
    failed(error) {
      poolMetrics.failed();
      log.error({ err: error }, 'a job or a worker failed: its connections are closed');
    },
    givenUp: onDeath,
  };
}

function startThreadMetrics({ metrics, onStop }: ServerContext, { stats }: CoordinatorThread, pool: Pool): void {
  const main = new HistogramBuckets(LOOP_DELAY_SECONDS);
  const endWatch = watchLoopDelay(main);
  onStop(async () => endWatch());
  threadMetrics(metrics, {
    stats: () => [
      ['main', readThreadStats()],
      ['coordinator', stats.thread.read()],
      ...pool.threadStats.map((threadStats, index) => [`worker-${index}`, threadStats] as const),
    ],
    loopDelays: { main, coordinator: stats.loopDelay },
  });
}
