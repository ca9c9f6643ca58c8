// The whole server. Each of the eight stages of a start returns what it made and registers how to close it. A stop
// closes the stages in reverse order:
//
//   1 open-identity  2 open-audit  3 open-admin, open-health  4 start-coordinator  5 bind-tcp  6 start-backups
//   7 start-front-ends  8 bind-web
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { newAdmissionMemory } from '../admission/admission-memory.ts';
import { newGrowthMemory } from '../admission/growth-budgets.ts';
import type { Config } from '../config.ts';
import { LiveClients } from '../connection/live-clients.ts';
import { ServedConnections } from '../connection/served-connections.ts';
import { buildMetrics } from '../metrics/build-metrics.ts';
import { FrontStats, newFrontStatsMemory } from '../metrics/front-stats.ts';
import { logMetrics } from '../metrics/log-metrics.ts';
import { processMetrics } from '../metrics/process-metrics.ts';
import { readinessMetrics } from '../metrics/readiness-metrics.ts';
import { ReloadMetrics } from '../metrics/reload-metrics.ts';
import { chooseWebEngine, type WebEngine } from '../net/web-listener.ts';
import { packageVersion } from '../runtime/package-version.ts';
import type { RegistryState } from './admin-site.ts';
import { bindTcp } from './bind-tcp.ts';
import { bindWeb } from './bind-web.ts';
import { observeCertificates, openCertificates, reloadableCertificates } from './certificates.ts';
import { connectionsEver } from './file-limit.ts';
import { readinessChecks } from './health.ts';
import { newLedger } from './limits-report.ts';
import { LIVE_LIMIT_SETTINGS, LiveLimits } from './live-limits.ts';
import { reloadableLogLevel, toggleLogLevel } from './log-level.ts';
import { openAdmin } from './open-admin.ts';
import { openAudit } from './open-audit.ts';
import { openHealth } from './open-health.ts';
import { openRegistryIdentity } from './open-identity.ts';
import { Reload } from './reload.ts';
import type { ServerContext, ServerHost, ServerObserver } from './server-context.ts';
import { longestSilenceMs } from './silence.ts';
import { checkBackupSettings, startBackups } from './start-backups.ts';
import { startCoordinator } from './start-coordinator.ts';
import { startFrontEnds } from './start-front-ends.ts';
import { TableCopies } from './table-copies.ts';

/** A running server. */
export interface Server {
  /** `host:port` of each listener; absent if the listener is off. */
  readonly addresses: {
    readonly tcp?: string;
    readonly ws?: string;
    readonly admin?: string;
    readonly health?: string;
  };
  /** The engine of the WebSocket port. A listener with a certificate is always served by `node`. */
  readonly engine: WebEngine;
  /** The public credentials, as in regCred.dat. */
  readonly regCred: string;
  /** Resolves when an operator asks for a drain over the admin port. */
  readonly drainAsked: Promise<void>;
  /**
   * After SIGHUP: reads files again, and takes over the settings that `read` returns as far as possible. Logs what
   * changed, what needs a restart, and what failed.
   */
  readonly reload: (read: () => Config) => Promise<void>;
  /** Switches the log level between debug and info, as a signal asks for. */
  readonly toggleLogLevel: (signal: NodeJS.Signals) => void;
  /** Milliseconds since each thread last gave a sign of life; 0 during a drain. */
  readonly silentMs: () => number;
  /**
   * Fails readiness, and resolves after `--shutdown-delay`. Until then everything is served, new connections too.
   * `signal` asked for it, unless an operator did.
   */
  readonly announceStop: (signal?: NodeJS.Signals) => Promise<void>;
  /** Drains: stops accepting, finishes the messages in work, refuses the next ones, closes everything. */
  stop(): Promise<void>;
}

type Closer = () => Promise<void>;

/** Starts a server. Rejects if a stage fails, and leaves nothing open then. */
export async function startServer(config: Config, observer: ServerObserver, host: ServerHost): Promise<Server> {
  const closers: Closer[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return { ...(await runStages(await newContext(config, observer, host, closers))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function newContext(
  config: Config,
  observer: ServerObserver,
  host: ServerHost,
  closers: Closer[],
): Promise<ServerContext> {
  checkBackupSettings(config);
  const limits = new LiveLimits(config);
  const metrics = new Registry();
  const state: RegistryState = {
    ...{ tableLoaded: false, storeFull: false, storeUnreachable: false, listening: false, draining: false },
    ...{ pool: undefined, coordinator: undefined, fronts: undefined, admission: undefined, regCred: undefined },
  };
  processMetrics(metrics);
  logMetrics(metrics, observer.logLinesDropped);
  buildMetrics(metrics, {
    ...{ version: packageVersion(), node: process.version, platform: `${process.platform}-${process.arch}` },
    store: config.store.split(':', 1)[0]!,
  });
  readinessMetrics(metrics, () => readinessChecks(state));
  const certificates = await openCertificates(config);
  observeCertificates(certificates, metrics);
  const reload = new Reload(config, observer.log, new ReloadMetrics(metrics));
  for (const part of reloadableCertificates(certificates, observer.log)) reload.add(part);
  reload.add(reloadableLogLevel(observer.log));
  reload.add({ name: 'limits', settings: () => LIVE_LIMIT_SETTINGS, reload: (next) => limits.set(next) });
  const fronts = config.tcp && config.fronts > 1 ? 1 + config.fronts : 1;
  const frontStats = Array.from({ length: fronts }, () => newFrontStats());
  return {
    ...{
      config,
      observer,
      host,
      metrics,
      state,
      certificates,
      reload,
      limits,
      ledger: newLedger(observer.log, limits),
    },
    ...{ fronts, frontStats },
    connections: new ServedConnections(),
    clients: newClients(observer, frontStats[0]!.stats, state),
    admissionMemory: newAdmissionMemory(fronts, connectionsEver(config)),
    growthMemory: newGrowthMemory(),
    copies: new TableCopies(() => state.coordinator),
    onStop: (close) => closers.push(close),
  };
}

function newFrontStats(): ServerContext['frontStats'][number] {
  const memory = newFrontStatsMemory();
  return { memory, stats: new FrontStats(memory) };
}

function newClients({ log }: ServerObserver, { sessions }: FrontStats, state: RegistryState): LiveClients {
  const twinSeen = (clientId: string) => {
    sessions.twinSeen();
    log.warn({ clientId }, 'one client ID is in use with different end points: was a member home copied?');
  };
  return new LiveClients(twinSeen, (clientId, ends) => state.fronts?.replaced(clientId, ends));
}

async function runStages(context: ServerContext): Promise<Omit<Server, 'stop'>> {
  const { config, observer, state, reload } = context;
  const opened = await openRegistryIdentity(context);
  const audit = await openAudit(context, opened.identity);
  const admin = await openAdmin(context, audit);
  const health = await openHealth(context);
  const coordinator = await startCoordinator(context, opened, audit);
  const tcp = await bindTcp(context, opened.identity);
  startBackups(context, opened);
  await startFrontEnds(context, opened.identity, coordinator, tcp);
  const engine = chooseWebEngine(config.webEngine);
  const ws = await bindWeb(context, engine, tcp);
  // Registered last, so it runs first: no connection is accepted while sessions drain.
  context.onStop(async () => {
    state.listening = false;
    state.draining = true;
    admin.streams.close();
    await Promise.all([tcp.listener?.close(), ws?.close(), state.fronts?.unlisten()]);
  });
  state.listening = true;
  return {
    addresses: {
      ...(tcp.listener && { tcp: tcp.listener.address }),
      ...(ws && { ws: ws.address }),
      ...(admin.listener && { admin: admin.listener.address }),
      ...(health && { health: health.address }),
    },
    engine,
    regCred: tcp.regCredText,
    drainAsked: admin.drainAsked,
    async reload(read) {
      const { changed, outcome } = await reload.run(read);
      audit.record({ actor: { signal: 'SIGHUP' }, action: 'reload', object: { changed: changed.join() }, outcome });
    },
    toggleLogLevel(signal) {
      toggleLogLevel(observer.log);
      const object = { level: observer.log.level };
      audit.record({ actor: { signal }, action: 'log-level', object, outcome: 'done' });
    },
    silentMs: () => longestSilenceMs(state),
    async announceStop(signal) {
      state.draining = true;
      if (signal) audit.record({ actor: { signal }, action: 'drain', object: {}, outcome: 'done' });
      const { shutdownDelay: seconds } = config;
      if (seconds === 0) return;
      observer.log.info({ seconds }, 'stopping: /readyz fails, and everything is served until the drain');
      await pause(seconds * 1000);
    },
  };
}
