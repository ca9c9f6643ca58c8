// The routes of the admin port: metrics, health, the status page, the API, backups and the drain.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Registry } from 'prom-client';
import { withToken } from '../admin/admin-token.ts';
import { type ApiSubject, apiRoutes } from '../admin/api.ts';
import { pageRoutes } from '../admin/status-page.ts';
import type { StatusReport, StatusStreams } from '../admin/status-streams.ts';
import type { Admission } from '../admission/admission.ts';
import type { Config } from '../config.ts';
import { CoordinatorBusyError, type CoordinatorThread } from '../coordinator/thread/handle.ts';
import { readActivity } from '../metrics/status-snapshot.ts';
import { type HttpReply, type HttpRoutes, plainReply } from '../net/web-site.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { type HealthState, healthRoutes, readinessChecks } from './health.ts';

/** Directory of the last backup, in the data directory. */
const BACKUP_DIRECTORY = 'backup.new';

/** The server's state as the admin port sees it. */
export interface RegistryState extends HealthState {
  coordinator: CoordinatorThread | undefined;
  /** Undefined until the TCP port is bound. */
  admission: Admission | undefined;
  /** Undefined until the TCP port is bound. */
  regCred: RegCred | undefined;
}

/**
 * The routes of the admin port. Health, metrics, the status page and the public credentials are open; the rest needs
 * the admin token. Each request for a drain calls `drain`.
 */
export function adminRoutes(
  state: RegistryState,
  metrics: Registry,
  { dataDir, shutdownDelay }: Pick<Config, 'dataDir' | 'shutdownDelay'>,
  api: ApiSubject,
  token: string,
  streams: StatusStreams,
  drain: () => void,
): HttpRoutes {
  /** The running backup. Concurrent requests share it, since there is one directory for it. */
  let backup: Promise<HttpReply> | undefined;
  const open = new Map<string, () => HttpReply | Promise<HttpReply>>([
    ['GET /metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() })],
  ]);
  const guarded = new Map<string, () => HttpReply | Promise<HttpReply>>([
    [
      'POST /drain',
      () => {
        drain();
        return {
          status: 202,
          type: 'application/json',
          body: `${JSON.stringify({ draining: true, delaySeconds: shutdownDelay })}\n`,
        };
      },
    ],
    ['GET /api/status', () => (state.coordinator ? streams.reply() : plainReply(503, 'not ready'))],
    ['POST /backup', () => (backup ??= backUp(state.coordinator, dataDir).finally(() => (backup = undefined)))],
  ]);
  const health = healthRoutes(state);
  return new Map([
    ...open,
    ...health,
    // The name of /livez in the first release.
    ['GET /healthz', health.get('GET /livez')!],
    ...pageRoutes(() => state.regCred),
    ...withToken(token, new Map([...apiRoutes(api), ...guarded])),
  ]);
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
