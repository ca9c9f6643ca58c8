// The registry as a whole: builds its parts, starts them in the order of their dependence, and stops them in reverse.

import { createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LevelWithSilent, Logger } from 'pino';
import { Registry } from 'prom-client';
import { ADMIN_TOKEN_FILE, openAdminToken } from '../admin/admin-token.ts';
import { StatusStreams } from '../admin/status-streams.ts';
import { Admission } from '../admission/admission.ts';
import { GrowthBudgets, type GrowthRates, newGrowthMemory } from '../admission/growth-budgets.ts';
import { Networks } from '../admission/ip-address.ts';
import type { Config } from '../config.ts';
import { CoordinatorThread } from '../coordinator/coordinator-thread.ts';
import type { Fence } from '../fence.ts';
import { PORT_WAIT_MS } from '../limits.ts';
import { adminMetrics } from '../metrics/admin-metrics.ts';
import { AdmissionMetrics } from '../metrics/admission-metrics.ts';
import { coordinatorMetrics } from '../metrics/coordinator-metrics.ts';
import { etcdMetrics } from '../metrics/etcd-metrics.ts';
import { logMetrics } from '../metrics/log-metrics.ts';
import { LOOP_DELAY_SECONDS, watchLoopDelay } from '../metrics/loop-delay.ts';
import { PoolMetrics } from '../metrics/pool-metrics.ts';
import { processMetrics } from '../metrics/process-metrics.ts';
import { readinessMetrics } from '../metrics/readiness-metrics.ts';
import { Series } from '../metrics/series.ts';
import { SessionMetrics } from '../metrics/session-metrics.ts';
import { threadMetrics } from '../metrics/thread-metrics.ts';
import { Certificate } from '../net/certificate.ts';
import { type AcceptConnection, ListenError, type Listener } from '../net/connection.ts';
import { listenHttp, newHttpConnections } from '../net/http-listener.ts';
import { listenTcp } from '../net/tcp-listener.ts';
import type { WebSessions } from '../net/upgrade.ts';
import { chooseWebEngine, listenWeb, type WebEngine } from '../net/web-listener.ts';
import type { HttpPage } from '../net/web-site.ts';
import { Pool, type PoolSettings } from '../pool/pool.ts';
import { pooledRandom } from '../pool/pooled-random.ts';
import { readThread } from '../thread-readings.ts';
import { printRegCred } from '../wire/reg-cred.ts';
import { keyFingerprint, modulusOf } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import { adminRoutes, type RegistryState, readStatus } from './admin-site.ts';
import { credentialsOf, registryToken } from './credentials.ts';
import { lockDataDirectory } from './data-directory-lock.ts';
import { readEtcdAccess } from './etcd-access.ts';
import { connectionsPossible } from './file-limit.ts';
import { readinessChecks } from './health.ts';
import { type Identity, keepPrivate, openDataDirectory, openIdentity, writeRegCred } from './identity.ts';
import { LiveClients } from './live-clients.ts';
import { LOG_LEVELS, setLogLevel } from './log-level.ts';
import { ServedConnections } from './served-connections.ts';
import { SessionLog } from './session-log.ts';

/** A roster of 64 members with 4096-bit keys and all their end points is below 160 KB (64 × 2.4 KB). */
const REPLY_BYTES_MAX_WS = 256 * 1024;

const PORT_RETRY_MS = 100;

/** A registry that runs. */
export interface Server {
  /** `host:port` of each listener, undefined where it is off. */
  readonly addresses: { readonly tcp?: string; readonly ws?: string; readonly admin?: string };
  /** What serves HTTP and WebSocket; a listener with a certificate is served by `node` under either. */
  readonly engine: WebEngine;
  /** The public credentials, as regCred.dat. */
  readonly regCred: string;
  /** Resolves when somebody has asked over the admin port that the registry stop. */
  readonly drainAsked: Promise<void>;
  /** Reads the certificates again. A bad one is logged, and the old one stays; so is that there are none. */
  readonly reloadCertificates: () => Promise<void>;
  /** Drains: stops accepting, lets what is in work finish, tells who asks, closes everything. */
  stop(): Promise<void>;
}

/** What a registry tells to those that run it. */
export interface ServerObserver {
  readonly log: Logger;
  /** Lines of the log that were lost so far. */
  logLinesDropped(): number;
  /** A part died that the registry cannot go on without. */
  onDeath(error: unknown): void;
}

/** Builds and starts a registry. */
export async function startServer(config: Config, observer: ServerObserver): Promise<Server> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return { ...(await build(config, observer, closers)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  config: Config,
  { log, logLinesDropped, onDeath }: ServerObserver,
  closers: (() => Promise<void>)[],
): Promise<Omit<Server, 'stop'>> {
  const maxConnections = connectionsPossible(config.maxConnections);
  await openDataDirectory(config.dataDir);
  const lock = await lockDataDirectory(config.dataDir, { onLost: onDeath, onWaiting: (text) => log.warn(text) });
  closers.push(async () => lock.release());
  const identity = await openIdentity(config.dataDir);
  for (const warning of identity.warnings) log.warn(warning);
  if (identity.previousCommsKey) {
    const fingerprint = keyFingerprint(createPublicKey(identity.previousCommsKey));
    log.info({ fingerprint }, 'Hellos under the previous comms key are served, too');
  }
  const registry = new Registry();
  processMetrics(registry);
  logMetrics(registry, logLinesDropped);

  // The admin port first: it says that the rest is not ready yet.
  const state: RegistryState = {
    ...{ tableLoaded: false, storeFull: false, storeUnreachable: false, listening: false, draining: false },
    pool: undefined,
    coordinator: undefined,
    regCred: undefined,
  };
  readinessMetrics(registry, () => readinessChecks(state));
  let askDrain = () => {};
  const drainAsked = new Promise<void>((resolve) => {
    askDrain = resolve;
  });
  const connections = new ServedConnections();
  const api = {
    get coordinator() {
      return state.coordinator;
    },
    sessions: (after: number, limit: number) => connections.list(after, limit),
    hasTwin: (clientId: string) => connections.hasTwin(clientId),
    limits: limitsOf(config),
    logLevel: {
      get: () => log.level,
      set: (level: string) => setLogLevel(log, level as LevelWithSilent),
      levels: LOG_LEVELS,
    },
  };
  const token = await openToken(config.dataDir, log);
  const streams = new StatusStreams(() => readStatus(state, registry));
  const routes = adminRoutes(state, registry, config.dataDir, api, token, streams, () => {
    state.draining = true;
    askDrain();
  });
  const certificates = await openCertificates(config);
  const patiently = (listen: () => Promise<Listener>) => listenPatiently(listen, log);
  const adminConnections = newHttpConnections();
  adminMetrics(registry, () => adminConnections.counts);
  const adminSite = config.admin && {
    ...config.admin,
    ...{ routes, certificate: certificates.admin, connections: adminConnections },
  };
  const admin = adminSite && (await patiently(() => listenHttp(adminSite)));
  if (admin) closers.push(() => admin.close());

  const growth = { memory: newGrowthMemory(), rates: growthRatesOf(config) };
  const coordinator = await startCoordinator(config, { identity, growth, fence: lock.fence }, log, state, onDeath);
  state.coordinator = coordinator;
  state.tableLoaded = true;
  coordinatorMetrics(registry, coordinator.numbers, () => coordinator.queueLength);
  etcdMetrics(registry, coordinator.numbers);
  closers.push(() => coordinator.close());

  // TCP before the pool, because the registry's own token names the port that was bound; who connects in between is turned
  // away.
  const accept: AcceptConnection = (connection) => connections.accept(connection);
  const admission = startAdmission(registry, log, config, maxConnections, growth);
  const { lingerTimeoutMs, helloTimeoutMs: proxyHeaderTimeoutMs } = config;
  const tcpSettings = { lingerTimeoutMs, admission, proxies: new Networks(config.proxyProtocol), proxyHeaderTimeoutMs };
  const tcpSite = config.tcp && { ...config.tcp, ...tcpSettings };
  const tcp = tcpSite && (await patiently(() => listenTcp(tcpSite, accept)));
  if (tcp) closers.push(() => tcp.close());

  const regCred = credentialsOf(identity, config, tcp);
  state.regCred = regCred;
  const credentials = printRegCred(regCred);
  await writeRegCred(config.dataDir, credentials);

  const facts = {
    commsKey: identity.commsKey,
    previousCommsKey: identity.previousCommsKey,
    registryToken: registryToken(identity, regCred),
    version: PROTOCOL_VERSION,
    replyBytesMax: { tcp: config.replyBytesMax, ws: REPLY_BYTES_MAX_WS },
  };
  const { workers, helloQueueMs } = config;
  const pool = startPool({ workers, helloQueueMs, registry: facts }, coordinator, registry, log, onDeath);
  closers.push(() => pool.close());
  await pool.loaded();
  state.pool = pool;
  const helloBytes = modulusOf(identity.commsKey).length;
  const metrics = new SessionMetrics(registry);
  connections.open({
    pool,
    metrics,
    clients: new LiveClients((clientId) => {
      metrics.twinSeen();
      log.warn({ clientId }, 'one client ID is in use with different end points: a copy of a member home?');
    }),
    log: new SessionLog(log, config.slowSessionMs),
    deadlines: config,
    random: pooledRandom(),
    helloBytes,
  });
  closers.push(() => connections.drain(config.drainGraceMs));
  const sessions = webSessions(config, admission, accept);
  const pages = new Map<string, HttpPage>([
    ['/regCred.dat', { status: 200, type: 'text/plain; charset=us-ascii', body: credentials }],
  ]);
  const engine = chooseWebEngine(config.webEngine);
  const webSite = config.ws && { ...config.ws, pages, sessions, certificate: certificates.ws };
  const ws = webSite && (await patiently(() => listenWeb(engine, webSite)));
  closers.push(async () => {
    state.listening = false;
    state.draining = true;
    streams.close();
    await Promise.all([tcp, ws].map((listener) => listener?.close()));
  });
  state.listening = true;
  return {
    addresses: {
      ...(tcp && { tcp: tcp.address }),
      ...(ws && { ws: ws.address }),
      ...(admin && { admin: admin.address }),
    },
    engine,
    regCred: credentials,
    drainAsked,
    reloadCertificates: reloaderOf(certificates, log),
  };
}

/** Tries for PORT_WAIT_MS where time may mend what is in the way. Rejects with ListenError. */
async function listenPatiently(listen: () => Promise<Listener>, log: Logger): Promise<Listener> {
  const deadline = performance.now() + PORT_WAIT_MS;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await listen();
    } catch (error) {
      if (!(error instanceof ListenError && error.mayPass) || performance.now() >= deadline) throw error;
      if (isFirst) log.warn({ reason: error.message }, 'a port is not to be had yet');
    }
    await pause(PORT_RETRY_MS);
  }
}

async function openToken(dataDirectory: string, log: Logger): Promise<string> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  const warning = existsSync(path) ? await keepPrivate(path) : undefined;
  if (warning) log.warn(warning);
  return openAdminToken(dataDirectory);
}

/** Those that an operator may want to know, as they were set. */
function limitsOf(config: Config): Readonly<Record<string, number>> {
  const { maxClusters, maxRegistrations, maxConnections, maxConnectionsPerAddress } = config;
  const { maxHellosPerSecond, maxHellosPerSecondPerAddress, maxSessionBytes, maxSessionMessages } = config;
  const { maxRegistrationsPerSecondPerAddress, maxClustersPerSecondPerAddress, maxMembersPerSecondPerAddress } = config;
  const { maxClustersPerClient, maxSeatsPerClient } = config;
  return {
    ...{ maxClusters, maxRegistrations, maxConnections, maxConnectionsPerAddress },
    ...{ maxRegistrationsPerSecondPerAddress, maxClustersPerSecondPerAddress, maxMembersPerSecondPerAddress },
    ...{ maxClustersPerClient, maxSeatsPerClient },
    ...{ maxHellosPerSecond, maxHellosPerSecondPerAddress, maxSessionBytes, maxSessionMessages },
  };
}

/** What addresses may add to the table, as all threads see it. */
interface Growth {
  readonly memory: SharedArrayBuffer;
  readonly rates: GrowthRates;
}

function growthRatesOf(config: Config): GrowthRates {
  return {
    registration: config.maxRegistrationsPerSecondPerAddress,
    cluster: config.maxClustersPerSecondPerAddress,
    member: config.maxMembersPerSecondPerAddress,
  };
}

/** What the coordinator shares with the rest of the server. */
interface CoordinatorParts {
  readonly identity: Identity;
  readonly growth: Growth;
  readonly fence: Fence;
}

/** Resolves when the table is loaded. */
function startCoordinator(
  config: Config,
  { identity, growth, fence }: CoordinatorParts,
  log: Logger,
  state: RegistryState,
  onDeath: (error: unknown) => void,
): Promise<CoordinatorThread> {
  const store = {
    name: config.store,
    dataDirectory: config.dataDir,
    registryId: identity.id.toString('hex'),
    bytesMax: config.storeBytesMax,
    fence: fence.memory,
    etcd: readEtcdAccess(config, process.env),
  };
  const limits = {
    clients: config.maxRegistrations,
    clusters: config.maxClusters,
    ephemeralTtlMs: config.ephemeralTtl * 1000,
    idleRegistrationTtlMs: config.idleRegistrationTtl * 1000,
    emptyClusterTtlMs: config.emptyClusterTtl * 1000,
    clustersPerClient: config.maxClustersPerClient,
    seatsPerClient: config.maxSeatsPerClient,
  };
  return CoordinatorThread.start(
    { store, limits, growth },
    {
      full(reason) {
        state.storeFull = reason !== undefined;
        if (reason) log.error({ reason }, 'the store is full: what would change the table is refused');
        else log.warn('the store has room again');
      },
      unreachable(reason) {
        state.storeUnreachable = reason !== undefined;
        if (reason) log.error({ reason }, 'the store cannot be reached: what would change the table is refused');
        else log.warn('the store is reached again');
      },
      tokenReplayed(clientId, name) {
        log.warn({ clientId, name }, 'a client came with a token that it had replaced: it switched back, or a replay');
      },
      death: onDeath,
    },
  );
}

function startAdmission(
  registry: Registry,
  log: Logger,
  config: Config,
  maxConnections: number,
  { memory, rates }: Growth,
): Admission {
  if (maxConnections < config.maxConnections) log.warn({ maxConnections }, 'the limit of open files allows no more');
  const metrics = new AdmissionMetrics(registry, maxConnections, () => admission.counts);
  const budgets = new GrowthBudgets(memory, rates);
  const admission = new Admission({ ...config, maxConnections }, budgets, (cause, address) => {
    metrics.dropped(cause);
    log.debug({ cause, address }, 'a limit closed a connection');
  });
  return admission;
}

function webSessions(config: Config, admission: Admission, accept: AcceptConnection): WebSessions {
  const trust = { forwarded: new Networks(config.forwarded), xForwardedFor: new Networks(config.xForwardedFor) };
  return { accept, admission, trust, allowedOrigins: config.allowedOrigins };
}

/** The certificates of the listeners that have one. */
interface Certificates {
  readonly ws: Certificate | undefined;
  readonly admin: Certificate | undefined;
}

async function openCertificates({ wsTls, adminTls }: Config): Promise<Certificates> {
  return { ws: wsTls && (await Certificate.open(wsTls)), admin: adminTls && (await Certificate.open(adminTls)) };
}

function reloaderOf(certificates: Certificates, log: Logger): () => Promise<void> {
  const present = Object.entries(certificates).filter(([, certificate]) => certificate !== undefined);
  return async () => {
    if (present.length === 0) log.info('SIGHUP: there are no certificates to read again');
    for (const [listener, certificate] of present as [string, Certificate][]) {
      await certificate.reload().then(
        () => {
          const { validTo } = new X509Certificate(certificate.pair.cert);
          log.info({ listener, validTo }, 'the certificate is renewed');
        },
        (error: Error) => log.error({ listener, reason: error.message }, 'the certificate is not renewed'),
      );
    }
  };
}

function startPool(
  settings: PoolSettings,
  coordinator: CoordinatorThread,
  registry: Registry,
  log: Logger,
  onDeath: (error: unknown) => void,
): Pool {
  const metrics = new PoolMetrics(registry, () => pool.queueLengths);
  const pool = new Pool(settings, coordinator, {
    handedOver: (jobs) => metrics.handedOver(jobs),
    done: (kind, waited, call, times) => metrics.done(kind, waited, call, times),
    failed(error) {
      metrics.failed();
      log.error({ err: error }, 'a job came to nothing, or a worker: its connections are closed');
    },
    givenUp: onDeath,
  });
  startThreadMetrics(registry, coordinator, pool);
  return pool;
}

function startThreadMetrics(registry: Registry, { numbers }: CoordinatorThread, pool: Pool): void {
  const main = new Series(LOOP_DELAY_SECONDS);
  watchLoopDelay(main);
  threadMetrics(registry, {
    readings: () => [
      ['main', readThread()],
      ['coordinator', numbers.thread.read()],
      ...pool.threadReadings.map((readings, place) => [`worker-${place}`, readings] as const),
    ],
    loopDelays: { main, coordinator: numbers.loopDelay },
  });
}
