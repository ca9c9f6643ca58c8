// Start step 3: the admin port. It opens before the table is loaded, and reports that the server is not ready
// yet.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LevelWithSilent, Logger } from 'pino';
import { ADMIN_TOKEN_FILE } from '../admin/admin-token.ts';
import { ADMIN_TOKENS_FILE, AdminTokens, TokensFileError } from '../admin/admin-tokens.ts';
import type { ApiSubject } from '../admin/api.ts';
import type { Gate } from '../admin/authorise.ts';
import { RoleRefusals } from '../admin/role-refusals.ts';
import { StatusStreams } from '../admin/status-streams.ts';
import { tokenRoutes } from '../admin/token-routes.ts';
import { WrongTokens } from '../admin/wrong-tokens.ts';
import type { AuditSink } from '../audit/audit-event.ts';
import { IdentityError, keepPrivate } from '../identity/identity.ts';
import { adminMetrics } from '../metrics/admin-metrics.ts';
import type { Listener } from '../net/connection.ts';
import { listenHttp, newHttpConnections } from '../net/http/http-listener.ts';
import { adminRoutes } from './admin-site.ts';
import { backupRoutes } from './backup-routes.ts';
import { CheckHistory } from './check-history.ts';
import { readinessChecks } from './health.ts';
import { reportLimits } from './limits-report.ts';
import { listenPatiently } from './listen-patiently.ts';
import { LOG_LEVELS, setLogLevel } from './log-level.ts';
import type { ServerContext } from './server-context.ts';
import { readStatus } from './status-report.ts';

export interface OpenedAdmin {
  /** Undefined if the port is off. */
  readonly listener: Listener | undefined;
  /** Streams to readers of the status page. The drain ends them. */
  readonly streams: StatusStreams;
  /** Resolves when an operator asks for a drain over the admin port. */
  readonly drainAsked: Promise<void>;
}

/** Rejects with ListenError or IdentityError. */
export async function openAdmin(context: ServerContext, audit: AuditSink): Promise<OpenedAdmin> {
  const { config, observer, metrics, state, certificates } = context;
  const { log } = observer;
  let askDrain = () => {};
  const drainAsked = new Promise<void>((resolve) => {
    askDrain = resolve;
  });
  const tokens = await openTokens(config.dataDir, log);
  context.reload.add({
    name: 'admin tokens',
    settings: () => [],
    reload: () => unlessUnusable(tokens.reload()),
  });
  const gate = openGate(context, tokens, audit);
  const history = new CheckHistory(() => readinessChecks(state));
  context.onStop(async () => history.stop());
  const streams = new StatusStreams(() => readStatus(context, history));
  const drain = () => {
    state.draining = true;
    askDrain();
  };
  const api = apiSubject(context);
  const backups = backupRoutes(config.dataDir, context.copies);
  const routes = adminRoutes(
    state,
    metrics,
    backups,
    api,
    gate,
    tokenRoutes(tokens),
    streams,
    drain,
    config.shutdownDelay,
  );
  const connections = newHttpConnections();
  adminMetrics(metrics, () => connections.counts);
  const site = config.admin && { ...config.admin, routes, certificate: certificates.admin, connections };
  const listener = site && (await listenPatiently(() => listenHttp(site), log));
  if (listener) context.onStop(() => listener.close());
  return { listener, streams, drainAsked };
}

async function openTokens(dataDirectory: string, log: Logger): Promise<AdminTokens> {
  for (const name of [ADMIN_TOKEN_FILE, ADMIN_TOKENS_FILE]) {
    const path = join(dataDirectory, name);
    const warning = existsSync(path) ? await keepPrivate(path) : undefined;
    if (warning) log.warn(warning);
  }
  return unlessUnusable(AdminTokens.open(dataDirectory));
}

/** Rejects with IdentityError if a file of the tokens is unusable. */
function unlessUnusable<T>(read: Promise<T>): Promise<T> {
  return read.catch((error: Error) => {
    throw error instanceof TokensFileError ? new IdentityError(error.message) : error;
  });
}

function openGate({ onStop }: ServerContext, tokens: AdminTokens, audit: AuditSink): Gate {
  const wrongTokens = new WrongTokens(({ address, count, reason }) => {
    audit.record({ actor: { address }, action: 'login-refused', object: { count }, outcome: reason });
  });
  const roleRefusals = new RoleRefusals(audit);
  onStop(async () => {
    wrongTokens.close();
    roleRefusals.close();
  });
  return { tokens, wrongTokens, roleRefusals, audit, now: Date.now };
}

function apiSubject({ observer, state, connections, clients, limits, ledger }: ServerContext): ApiSubject {
  const { log } = observer;
  return {
    get coordinator() {
      return state.coordinator;
    },
    async sessions(after, limit) {
      const further = (await state.fronts?.sessions(after, limit)) ?? [];
      const all = [...connections.list(after, limit), ...further].sort((a, b) => a.connection - b.connection);
      return all.slice(0, limit).map((session) => {
        return session.clientId && clients.hasTwin(session.clientId) ? { ...session, twin: true } : session;
      });
    },
    isConnected: (clientId) => clients.isConnected(clientId),
    hasTwin: (clientId) => clients.hasTwin(clientId),
    limits: () => reportLimits(limits, ledger, state),
    logLevel: {
      get: () => log.level,
      set: (level) => setLogLevel(log, level as LevelWithSilent),
      levels: LOG_LEVELS,
    },
  };
}
