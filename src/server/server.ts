// The registry as a whole: builds its parts, starts them in the order of their dependence, and stops them in reverse.

import { createPublicKey } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { CoordinatorThread } from '../coordinator/coordinator-thread.ts';
import { metricsPage } from '../metrics/metrics-endpoint.ts';
import { PoolMetrics } from '../metrics/pool-metrics.ts';
import { SessionMetrics } from '../metrics/session-metrics.ts';
import type { Connection, ConnectionHandler, Listener } from '../net/connection.ts';
import { listenTcp } from '../net/tcp-listener.ts';
import { chooseWebEngine, listenWeb } from '../net/web-listener.ts';
import { type HttpReply, type HttpRoutes, plainReply } from '../net/web-site.ts';
import { Pool } from '../pool/pool.ts';
import { signToken } from '../wire/member-token.ts';
import type { Token } from '../wire/message.ts';
import { printRegCred, type RegCred } from '../wire/reg-cred.ts';
import { exportSpki, modulusOf } from '../wire/rsa-key.ts';
import { PROTOCOL_VERSION } from '../wire/version.ts';
import { lockDataDirectory } from './data-directory-lock.ts';
import { type Identity, openDataDirectory, openIdentity, writeRegCred } from './identity.ts';
import { ServedConnection, type Service } from './serve-connection.ts';

/** A roster of 64 members with 4096-bit keys and all their end points is below 160 KB (64 × 2.4 KB). */
const REPLY_BYTES_MAX_WS = 256 * 1024;

/** Where the last backup waits to be fetched. */
const BACKUP_DIRECTORY = 'backup.new';

/** How long connections get to take what was in work when the server stops. */
const STOP_GRACE_MS = 2_000;

/** A registry that runs. */
export interface Server {
  /** `host:port` of each listener, undefined where it is off. */
  readonly addresses: { readonly tcp?: string; readonly ws?: string; readonly admin?: string };
  /** The public credentials, as regCred.dat. */
  readonly regCred: string;
  /** Stops accepting, lets what is in work finish, closes everything. */
  stop(): Promise<void>;
}

/** Builds and starts a registry. `onDeath` is called when a part died that it cannot go on without. */
export async function startServer(config: Config, log: Logger, onDeath: (error: unknown) => void): Promise<Server> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return { ...(await build(config, log, onDeath, closers)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  config: Config,
  log: Logger,
  onDeath: (error: unknown) => void,
  closers: (() => Promise<void>)[],
): Promise<Omit<Server, 'stop'>> {
  await openDataDirectory(config.dataDir);
  const unlock = lockDataDirectory(config.dataDir);
  closers.push(async () => unlock());
  const identity = await openIdentity(config.dataDir);
  for (const warning of identity.warnings) log.warn(warning);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const engine = chooseWebEngine(config.webEngine);

  // The admin port first: it says that the rest is not ready yet.
  let ready = false;
  let storeFull = false;
  let coordinator: CoordinatorThread | undefined;
  /** The backup under way: whoever asks meanwhile gets the same, since there is one place for it. */
  let backup: Promise<HttpReply> | undefined;
  const adminRoutes: HttpRoutes = new Map<string, () => HttpReply | Promise<HttpReply>>([
    ['GET /metrics', () => metricsPage(registry, async () => (await coordinator?.metrics()) ?? [])],
    ['GET /readyz', () => readiness(ready, storeFull)],
    ['POST /backup', () => (backup ??= backUp(coordinator, config.dataDir).finally(() => (backup = undefined)))],
    ['GET /healthz', () => plainReply(200, 'alive')],
  ]);
  const admin = config.admin && (await listenWeb(engine, { ...config.admin, routes: adminRoutes }));
  if (admin) closers.push(() => admin.close());

  coordinator = await CoordinatorThread.start(
    {
      store: {
        name: config.store,
        dataDirectory: config.dataDir,
        registryId: identity.id.toString('hex'),
        bytesMax: config.storeBytesMax,
      },
      limits: {
        clients: config.maxRegistrations,
        clusters: config.maxClusters,
        ephemeralTtlMs: config.ephemeralTtl * 1000,
        idleRegistrationTtlMs: config.idleRegistrationTtl * 1000,
      },
    },
    {
      full(reason) {
        storeFull = reason !== undefined;
        if (reason) log.error({ reason }, 'the store is full: what would change the table is refused');
        else log.warn('the store has room again');
      },
      death: onDeath,
    },
  );
  const table = coordinator;
  closers.push(() => table.close());

  // TCP before the pool, because the registry's own token names the port that was bound; who connects in between is turned
  // away.
  let service: Service | undefined;
  let credentials = '';
  const served = new Set<ServedConnection>();
  const accept = (connection: Connection) => acceptConnection(connection, service, served);
  const webRoutes: HttpRoutes = new Map([
    ['GET /regCred.dat', () => ({ status: 200, type: 'text/plain; charset=us-ascii', body: credentials })],
  ]);
  const { lingerTimeoutMs } = config;
  const tcp = config.tcp && (await listenTcp({ ...config.tcp, lingerTimeoutMs }, accept));
  if (tcp) closers.push(() => tcp.close());

  const regCred = credentialsOf(identity, config, tcp);
  credentials = printRegCred(regCred);
  await writeRegCred(config.dataDir, credentials);

  const poolMetrics = new PoolMetrics(registry, () => pool.queueLengths);
  const pool = new Pool(
    {
      workers: config.workers,
      helloQueueMs: config.helloQueueMs,
      registry: {
        commsKey: identity.commsKey,
        registryToken: registryToken(identity, regCred),
        version: PROTOCOL_VERSION,
        replyBytesMax: { tcp: config.replyBytesMax, ws: REPLY_BYTES_MAX_WS },
      },
    },
    table,
    {
      handedOver: (jobs) => poolMetrics.handedOver(jobs),
      done: (kind, waited, call, times) => poolMetrics.done(kind, waited, call, times),
      failed(error) {
        poolMetrics.failed();
        log.error({ err: error }, 'a pool worker failed: its connections are closed, another takes its place');
      },
      givenUp: onDeath,
    },
  );
  closers.push(() => pool.close());
  await pool.ready();
  service = {
    pool,
    metrics: new SessionMetrics(registry),
    deadlines: config,
    helloBytes: modulusOf(identity.commsKey).length,
  };
  closers.push(() => finishConnections(served));
  const ws = config.ws && (await listenWeb(engine, { ...config.ws, routes: webRoutes, accept }));
  closers.push(async () => {
    ready = false;
    await Promise.all([tcp, ws].map((listener) => listener?.close()));
  });
  ready = true;
  return {
    addresses: {
      ...(tcp && { tcp: tcp.address }),
      ...(ws && { ws: ws.address }),
      ...(admin && { admin: admin.address }),
    },
    regCred: credentials,
  };
}

/** Copies the table into the data directory, where only who may read the registry's keys can fetch it from. */
async function backUp(coordinator: CoordinatorThread | undefined, dataDirectory: string): Promise<HttpReply> {
  if (!coordinator) return plainReply(503, 'not ready');
  const directory = join(dataDirectory, BACKUP_DIRECTORY);
  try {
    await rm(directory, { recursive: true, force: true });
    await coordinator.backup(directory);
    return { status: 200, type: 'application/json', body: `${JSON.stringify({ directory: resolve(directory) })}\n` };
  } catch (error) {
    return plainReply(500, (error as Error).message);
  }
}

function readiness(ready: boolean, storeFull: boolean): HttpReply {
  if (!ready) return plainReply(503, 'not ready');
  return storeFull ? plainReply(503, 'the store is full') : plainReply(200, 'ready');
}

function acceptConnection(
  connection: Connection,
  service: Service | undefined,
  served: Set<ServedConnection>,
): ConnectionHandler {
  if (service === undefined) {
    connection.destroy();
    return { received() {}, drained() {}, peerEnded() {}, closed() {} };
  }
  const handler = new ServedConnection(connection, service, () => served.delete(handler));
  served.add(handler);
  return handler;
}

/** Lets every connection take its reply, then closes those that are still there. */
async function finishConnections(served: ReadonlySet<ServedConnection>): Promise<void> {
  for (const connection of served) connection.stop();
  const giveUp = performance.now() + STOP_GRACE_MS;
  while (served.size > 0 && performance.now() < giveUp) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const connection of served) connection.abandon();
}

function credentialsOf(identity: Identity, config: Config, tcp: Listener | undefined): RegCred {
  const endPoint = config.advertise ?? (tcp && reachable(tcp));
  return {
    name: config.name,
    id: identity.id,
    commsKey: createPublicKey(identity.commsKey),
    sigKey: createPublicKey(identity.sigKey),
    endPoints: endPoint ? [endPoint] : [],
    version: PROTOCOL_VERSION,
  };
}

/** A wildcard address is none to connect to; without `--advertise` we only know that this machine reaches us. */
function reachable(tcp: Listener): string {
  return tcp.address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}

function registryToken(identity: Identity, { name, id, endPoints, commsKey, sigKey }: RegCred): Token {
  const token = {
    Name: name,
    ID: id,
    CommsKey: exportSpki(commsKey),
    SigKey: exportSpki(sigKey),
    MyEnds: [...endPoints],
  };
  return signToken(token, identity.sigKey);
}
