// What the admin port serves, from the moment the process starts: metrics, health, backups, the
// order to drain.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Registry } from 'prom-client';
import { withToken } from '../admin/admin-token.ts';
import { type ApiSubject, apiRoutes } from '../admin/api.ts';
import { pageRoutes } from '../admin/status-page.ts';
import type { StatusReport, StatusStreams } from '../admin/status-streams.ts';
import { CoordinatorBusyError, type CoordinatorThread } from '../coordinator/thread/handle.ts';
import { readActivity } from '../metrics/status-snapshot.ts';
import { type HttpReply, type HttpRoutes, plainReply } from '../net/web-site.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { type HealthState, liveness, readiness, readinessChecks } from './health.ts';

/** Where the last backup waits to be fetched. */
const BACKUP_DIRECTORY = 'backup.new';

/** What the admin port knows of the registry. */
export interface RegistryState extends HealthState {
  /** Undefined while the table is not loaded. */
  coordinator: CoordinatorThread | undefined;
  /** Undefined until the port in it is bound. */
  regCred: RegCred | undefined;
}

/**
 * The routes of the admin port: health, metrics, the status page and the public credentials for everybody, the rest for who has the
 * token. `drain` is called when somebody asks for it, any number of times.
 */
export function adminRoutes(
  state: RegistryState,
  metrics: Registry,
  dataDirectory: string,
  api: ApiSubject,
  token: string,
  streams: StatusStreams,
  drain: () => void,
): HttpRoutes {
  /** The backup under way: whoever asks meanwhile gets the same, since there is one place for it. */
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
        return { status: 202, type: 'application/json', body: `${JSON.stringify({ draining: true })}\n` };
      },
    ],
    ['GET /api/status', () => (state.coordinator ? streams.reply() : plainReply(503, 'not ready'))],
    ['POST /backup', () => (backup ??= backUp(state.coordinator, dataDirectory).finally(() => (backup = undefined)))],
  ]);
  return new Map([
    ...open,
    ...pageRoutes(() => state.regCred),
    ...withToken(token, new Map([...apiRoutes(api), ...guarded])),
  ]);
}

/** What the status page is told; undefined while the coordinator has no answer. */
export async function readStatus(state: RegistryState, metrics: Registry): Promise<StatusReport | undefined> {
  const overview = await state.coordinator?.overview().catch((error: unknown) => {
    if (!(error instanceof CoordinatorBusyError)) throw error;
  });
  if (!overview) return undefined;
  const checks = readinessChecks(state);
  const failing = Object.keys(checks).filter((name) => !checks[name]);
  return { uptimeSeconds: process.uptime(), failing, ...(await readActivity(metrics)), overview };
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
