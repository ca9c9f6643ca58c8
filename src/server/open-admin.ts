// Start step 2: the admin port. It opens before the table is loaded, and reports that the server is not ready
// yet.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LevelWithSilent, Logger } from 'pino';
import { ADMIN_TOKEN_FILE, openAdminToken } from '../admin/admin-token.ts';
import type { ApiSubject } from '../admin/api.ts';
import { StatusStreams } from '../admin/status-streams.ts';
import { keepPrivate } from '../identity/identity.ts';
import { adminMetrics } from '../metrics/admin-metrics.ts';
import type { Listener } from '../net/connection.ts';
import { listenHttp, newHttpConnections } from '../net/http/http-listener.ts';
import { adminRoutes, readStatus } from './admin-site.ts';
import { reportLimits } from './limits-report.ts';
import { listenPatiently } from './listen-patiently.ts';
import { LOG_LEVELS, setLogLevel } from './log-level.ts';
import type { ServerContext } from './server-context.ts';

export interface OpenedAdmin {
  /** Undefined if the port is off. */
  readonly listener: Listener | undefined;
  /** Streams to readers of the status page. The drain ends them. */
  readonly streams: StatusStreams;
  /** Resolves when an operator asks for a drain over the admin port. */
  readonly drainAsked: Promise<void>;
}

/** Rejects with ListenError or IdentityError. */
export async function openAdmin(context: ServerContext): Promise<OpenedAdmin> {
  const { config, observer, metrics, state, certificates } = context;
  const { log } = observer;
  let askDrain = () => {};
  const drainAsked = new Promise<void>((resolve) => {
    askDrain = resolve;
  });
  const token = await openToken(config.dataDir, log);
  const streams = new StatusStreams(() => readStatus(state, metrics));
  const routes = adminRoutes(state, metrics, config, apiSubject(context), token, streams, () => {
    state.draining = true;
    askDrain();
  });
  const connections = newHttpConnections();
  adminMetrics(metrics, () => connections.counts);
  const site = config.admin && { ...config.admin, routes, certificate: certificates.admin, connections };
  const listener = site && (await listenPatiently(() => listenHttp(site), log));
  if (listener) context.onStop(() => listener.close());
  return { listener, streams, drainAsked };
}

async function openToken(dataDirectory: string, log: Logger): Promise<string> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  const warning = existsSync(path) ? await keepPrivate(path) : undefined;
  if (warning) log.warn(warning);
  return openAdminToken(dataDirectory);
}

function apiSubject({ observer, state, connections, limits, ledger }: ServerContext): ApiSubject {
  const { log } = observer;
  return {
    get coordinator() {
      return state.coordinator;
    },
    sessions: (after, limit) => connections.list(after, limit),
    hasTwin: (clientId) => connections.hasTwin(clientId),
    limits: () => reportLimits(limits, ledger, state),
    logLevel: {
      get: () => log.level,
      set: (level) => setLogLevel(log, level as LevelWithSilent),
      levels: LOG_LEVELS,
    },
  };
}
