// The whole server. Each of the six stages of a start returns what it made and registers how to close it. A stop closes
// the stages in reverse order:
//
//   1 open-identity  2 open-admin, open-health  3 start-coordinator  4 bind-tcp  5 start-pool  6 bind-web
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { newGrowthMemory } from '../admission/growth-budgets.ts';
import type { Config } from '../config.ts';
import { ServedConnections } from '../connection/served-connections.ts';
import { logMetrics } from '../metrics/log-metrics.ts';
import { processMetrics } from '../metrics/process-metrics.ts';
import { readinessMetrics } from '../metrics/readiness-metrics.ts';
import { chooseWebEngine, type WebEngine } from '../net/web-listener.ts';
import { bindTcp } from './bind-tcp.ts';
import { bindWeb } from './bind-web.ts';
import { openCertificates, reloaderOf } from './certificates.ts';
import { readinessChecks } from './health.ts';
import { newLedger } from './limits-report.ts';
import { LiveLimits } from './live-limits.ts';
import { openAdmin } from './open-admin.ts';
import { openHealth } from './open-health.ts';
import { openRegistryIdentity } from './open-identity.ts';
import type { ServerContext, ServerObserver } from './server-context.ts';
import { startCoordinator } from './start-coordinator.ts';
import { startPool } from './start-pool.ts';

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
  /** Reloads the certificates. Logs an unusable one and keeps the old one. */
  readonly reloadCertificates: () => Promise<void>;
  /**
   * Puts the limits of `config` into effect, those of LIVE_LIMIT_SETTINGS. Open connections, sessions and records stay.
   * Throws ConfigError, and keeps the old limits, if the limit of open files is too low.
   */
  readonly setLimits: (config: Config) => void;
  /** Fails readiness, and resolves after `--shutdown-delay`. Until then everything is served, new connections too. */
  readonly announceStop: () => Promise<void>;
  /** Drains: stops accepting, finishes the messages in work, refuses the next ones, closes everything. */
  stop(): Promise<void>;
}

type Closer = () => Promise<void>;

/** Starts a server. Rejects if a stage fails, and leaves nothing open then. */
export async function startServer(config: Config, observer: ServerObserver): Promise<Server> {
  const closers: Closer[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return { ...(await runStages(await newContext(config, observer, closers))), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function newContext(config: Config, observer: ServerObserver, closers: Closer[]): Promise<ServerContext> {
  const limits = new LiveLimits(config);
  const metrics = new Registry();
  const state = {
    ...{ tableLoaded: false, storeFull: false, storeUnreachable: false, listening: false, draining: false },
    ...{ pool: undefined, coordinator: undefined, admission: undefined, regCred: undefined },
  };
  processMetrics(metrics);
  logMetrics(metrics, observer.logLinesDropped);
  readinessMetrics(metrics, () => readinessChecks(state));
  return {
    ...{ config, observer, metrics, state, limits, ledger: newLedger(observer.log, limits) },
    connections: new ServedConnections(),
    certificates: await openCertificates(config),
    growthMemory: newGrowthMemory(),
    onStop: (close) => closers.push(close),
  };
}

async function runStages(context: ServerContext): Promise<Omit<Server, 'stop'>> {
  const { config, observer, state, certificates } = context;
  const opened = await openRegistryIdentity(context);
  const admin = await openAdmin(context);
  const health = await openHealth(context);
  const coordinator = await startCoordinator(context, opened);
  const tcp = await bindTcp(context, opened.identity);
  await startPool(context, opened.identity, coordinator, tcp.regCred);
  const engine = chooseWebEngine(config.webEngine);
  const ws = await bindWeb(context, engine, tcp);
  // Registered last, so it runs first: no connection is accepted while sessions drain.
  context.onStop(async () => {
    state.listening = false;
    state.draining = true;
    admin.streams.close();
    await Promise.all([tcp.listener, ws].map((listener) => listener?.close()));
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
    async announceStop() {
      state.draining = true;
      const { shutdownDelay: seconds } = config;
      if (seconds === 0) return;
      observer.log.info({ seconds }, 'stopping: /readyz fails, and everything is served until the drain');
      await pause(seconds * 1000);
    },
    reloadCertificates: reloaderOf(certificates, observer.log),
    setLimits: (changed) => context.limits.set(changed),
  };
}
