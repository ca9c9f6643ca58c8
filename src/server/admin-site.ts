// The routes of the admin port: metrics, health, the status page, the API, backups and the drain.
import type { Registry } from 'prom-client';
import { type ApiSubject, apiRoutes } from '../admin/api.ts';
import { type Gate, type GuardedRoutes, whoamiRoutes, withRoles } from '../admin/authorise.ts';
import { withQueryKeys } from '../admin/query-keys.ts';
import { pageRoutes } from '../admin/status-page.ts';
import type { StatusStreams } from '../admin/status-streams.ts';
import type { Admission } from '../admission/admission.ts';
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import type { FurtherFronts } from '../front/further-fronts.ts';
import { type HttpReply, type HttpRoutes, jsonReply } from '../net/web-site.ts';
import type { RegCred } from '../wire/reg-cred.ts';
import { type HealthState, healthRoutes } from './health.ts';

/** The server's state as the admin port sees it. */
export interface RegistryState extends HealthState {
  coordinator: CoordinatorThread | undefined;
  /** Undefined until the front end of the main thread runs. */
  fronts: FurtherFronts | undefined;
  /** Undefined until the TCP port is bound. */
  admission: Admission | undefined;
  /** Undefined until the TCP port is bound. */
  regCred: RegCred | undefined;
}

/**
 * The routes of the admin port. Health, metrics, the status page and the public credentials are open; the rest needs
 * a token with the route's role; `gate` decides. `tokens` are the routes of tokens. Each request for a drain calls
 * `drain`, and is told `shutdownDelay`, in seconds.
 */
export function adminRoutes(
  state: RegistryState,
  metrics: Registry,
  backups: HttpRoutes,
  api: ApiSubject,
  gate: Gate,
  tokens: GuardedRoutes,
  streams: StatusStreams,
  drain: () => void,
  shutdownDelay: number,
): HttpRoutes {
  const open = new Map<string, () => HttpReply | Promise<HttpReply>>([
    ['GET /metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() })],
  ]);
  const guarded = new Map<string, () => HttpReply | Promise<HttpReply>>([
    [
      'POST /drain',
      () => {
        drain();
        return jsonReply(202, { draining: true, delaySeconds: shutdownDelay });
      },
    ],
    ['GET /api/status', () => streams.reply()],
  ]);
  const health = healthRoutes(state);
  return withQueryKeys(
    new Map([
      ...open,
      ...health,
      // The name of /livez in the first release.
      ['GET /healthz', health.get('GET /livez')!],
      ...pageRoutes(() => state.regCred),
      ...withRoles(gate, new Map([...whoamiRoutes, ...apiRoutes(api), ...tokens, ...guarded, ...backups])),
    ]),
  );
}
