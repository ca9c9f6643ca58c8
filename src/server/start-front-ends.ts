// Start step 7: the front end of the main thread with its workers, and the further front ends, which serve TCP if there
// are any. Once they run, connections are served.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import { FrontEnd, type FrontSettings } from '../front/front-end.ts';
import { FurtherFronts } from '../front/further-fronts.ts';
import { registryToken } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import { MARK_MS } from '../limits.ts';
import { newSequence } from '../shared-memory/shared-sequence.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import type { BoundTcp } from './bind-tcp.ts';
import { registerFrontMetrics } from './front-metrics.ts';
import { openDialects } from './open-dialects.ts';
import type { ServerContext } from './server-context.ts';

/** Above the longest roster: 64 members with 4096-bit keys and all end points take less than 160 KB. */
const REPLY_BYTES_MAX_WS = 256 * 1024;

/** Time between two readings of what further front ends report of their clients. */
const CLIENTS_INTERVAL_MS = 100;

/** Resolves when every worker runs and every front end listens. Rejects with ThreadLoadError or ListenError. */
export async function startFrontEnds(
  context: ServerContext,
  identity: Identity,
  coordinator: CoordinatorThread,
  tcp: BoundTcp,
): Promise<void> {
  const { config, observer, host, state, connections, clients, frontStats } = context;
  const settings = frontSettings(context, identity, coordinator, tcp);
  const [first, ...others] = settings as [FrontSettings, ...FrontSettings[]];
  const { log, onDeath } = observer;
  const front = new FrontEnd(first, frontStats[0]!.stats, {
    ...{ log, coordinator, clients, startWorkers: host.startWorkers, givenUp: onDeath },
  });
  context.onStop(() => front.close());
  const failures = { count: 0 };
  const further = furtherFronts(context, coordinator, settings, tcp, failures);
  registerFrontMetrics(context, coordinator, front, further, () => failures.count);
  startMarks(context, coordinator, (number) => {
    const order = { number, workers: first.workers + further.workers };
    front.mark(order);
    further.mark(order);
  });
  await front.loaded();
  front.serve(connections);
  const { drainGraceMs } = config;
  context.onStop(async () => {
    await Promise.all([connections.drain(drainGraceMs), further.drain(drainGraceMs)]);
  });
  state.fronts = further;
  await further.start(others.map(({ front }) => front));
  if (tcp.listener && 'leave' in tcp.listener) await tcp.listener.leave();
  state.pool = {
    get silentMs() {
      return Math.max(front.state.silentMs, further.silentMs);
    },
  };
}

/** The settings of each front end. */
function frontSettings(
  context: ServerContext,
  identity: Identity,
  coordinator: CoordinatorThread,
  { regCred }: BoundTcp,
): FrontSettings[] {
  const { config, host, fronts } = context;
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
  const shared = {
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
  return shareWorkers(config.workers, fronts, config.ws !== undefined).map((share, front) => ({
    ...shared,
    ...share,
    front,
  }));
}

/** The workers of each front end: as even as possible, one at least. Front end 0 gets one if it has no port. */
export function shareWorkers(
  workers: number,
  fronts: number,
  hasWeb: boolean,
): { readonly workers: number; readonly firstWorker: number }[] {
  if (fronts > 1 && !hasWeb) {
    const others = shareWorkers(workers - 1, fronts - 1, true);
    const behind = others.map((share) => ({ ...share, firstWorker: 1 + share.firstWorker }));
    return [{ workers: 1, firstWorker: 0 }, ...behind];
  }
  let firstWorker = 0;
  return Array.from({ length: fronts }, (_, front) => {
    const own = Math.max(1, Math.floor(workers / fronts) + (front < workers % fronts ? 1 : 0));
    const share = { workers: own, firstWorker };
    firstWorker += own;
    return share;
  });
}

/** Begins to call `mark` with the next number while a round is open (Q7). */
function startMarks({ onStop }: ServerContext, coordinator: CoordinatorThread, mark: (number: number) => void): void {
  let number = 0;
  const marks = setInterval(() => {
    if (coordinator.openRounds > 0) mark(++number);
  }, MARK_MS);
  onStop(async () => clearInterval(marks));
}

/** The front ends beside that of the main thread. They are not started yet. */
function furtherFronts(
  context: ServerContext,
  coordinator: CoordinatorThread,
  settings: readonly FrontSettings[],
  tcp: BoundTcp,
  failures: { count: number },
): FurtherFronts {
  const { observer, limits, ledger, clients, frontStats, admissionMemory, growthMemory } = context;
  const { log, logLines, onDeath } = observer;
  const further = new FurtherFronts({
    ...{ coordinator, clients, logLines, broken: onDeath },
    refused(refusals) {
      for (const [limit, address, count] of refusals) ledger.count(limit, address, count);
    },
    data: (front) => ({
      settings: settings[front]!,
      stats: frontStats[front]!.memory,
      admission: admissionMemory,
      growth: growthMemory,
      limits: limits.config,
      port: tcp.port!,
      logLevel: log.level,
      coordinatorParker: coordinator.parker,
      rosterCache: coordinator.rosterCache,
    }),
    failed(front, error) {
      failures.count += 1;
      log.error({ front, err: error }, 'a front end failed: its connections are closed, and another takes its place');
    },
    restarted: (front) => log.info({ front }, 'a front end that failed has been replaced, and listens again'),
  });
  limits.onSet((changed) => further.setLimits(changed));
  log.on('level-change', (level) => further.setLogLevel(level));
  const reading = setInterval(() => further.readClients(), CLIENTS_INTERVAL_MS).unref();
  context.onStop(async () => clearInterval(reading));
  return further;
}
