// The routes of the admin port: metrics, health, the status page, the API, backups and the drain.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Registry } from 'prom-client';
import { type ApiSubject, apiRoutes } from '../admin/api.ts';
import { type CallerFinder, whoamiRoutes, withRoles } from '../admin/authorise.ts';
import { withQueryKeys } from '../admin/query-keys.ts';
import { pageRoutes } from '../admin/status-page.ts';
import type { StatusReport, StatusStreams } from '../admin/status-streams.ts';
import { CoordinatorBusyError, type CoordinatorThread } from '../coordinator/thread/handle.ts';
import { readActivity } from '../metrics/status-snapshot.ts';
import { type HttpReply, type HttpRoutes, jsonReply, refusalReply } from '../net/web-site.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { type HealthState, liveness, readiness, readinessChecks } from './health.ts';

/** Directory of the last backup, in the data directory. */
const BACKUP_DIRECTORY = 'backup.new';

/** The server's state as the admin port sees it. */
export interface RegistryState extends HealthState {
  /** Undefined until the table is loaded. */
  coordinator: CoordinatorThread | undefined;
  /** Undefined until the TCP port is bound. */
  regCred: RegCred | undefined;
}

/**
 * The routes of the admin port. Health, metrics, the status page and the public credentials are open; the rest needs
 * a token with the route's role. Each request for a drain calls `drain`.
 */
export function adminRoutes(
  state: RegistryState,
  metrics: Registry,
  dataDirectory: string,
  api: ApiSubject,
  tokens: CallerFinder,
  streams: StatusStreams,
  drain: () => void,
): HttpRoutes {
  /** The running backup. Concurrent requests share it, since there is one directory for it. */
  let backup: Promise<HttpReply> | undefined;
  const open = new Map<string, () => HttpReply | Promise<HttpReply>>([
    ['GET /metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() })],
    ['GET /readyz', () => readiness(state)],
    ['GET /healthz', () => liveness(state)],
  ]);
  const guarded = new Map<string, () => HttpReply | Promise<HttpReply>>([
    [
      'POST /drain',
      () => {
        drain();
        return jsonReply(202, { draining: true });
      },
    ],
    ['GET /api/status', () => (state.coordinator ? streams.reply() : notReady())],
    ['POST /backup', () => (backup ??= backUp(state.coordinator, dataDirectory).finally(() => (backup = undefined)))],
  ]);
  return withQueryKeys(
    new Map([
      ...open,
      ...pageRoutes(() => state.regCred),
      ...withRoles(tokens, new Map([...whoamiRoutes, ...apiRoutes(api), ...guarded])),
    ]),
  );
}

function notReady(): HttpReply {
  return refusalReply(503, 'not-ready', 'the table is not loaded yet');
}

/** The report for the status page; undefined while the coordinator is busy or not started. */
export async function readStatus(state: RegistryState, metrics: Registry): Promise<StatusReport | undefined> {
  const overview = await state.coordinator?.overview().catch((error: unknown) => {
    if (!(error instanceof CoordinatorBusyError)) throw error;
  });
  if (!overview) return undefined;
  const checks = readinessChecks(state);
  const failing = Object.keys(checks).filter((name) => !checks[name]);
  return { uptimeSeconds: process.uptime(), failing, ...(await readActivity(metrics)), overview };
}

/** Copies the table into the data directory, where only users who may read the registry's keys can read it. */
async function backUp(coordinator: CoordinatorThread | undefined, dataDirectory: string): Promise<HttpReply> {
  if (!coordinator) return notReady();
  const directory = join(dataDirectory, BACKUP_DIRECTORY);
  try {
    await rm(directory, { recursive: true, force: true });
    await coordinator.backup(directory);
    return jsonReply(200, { directory: resolve(directory) });
  } catch (error) {
    return refusalReply(500, 'backup-failed', (error as Error).message);
  }
}
