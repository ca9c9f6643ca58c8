// Serves the real status page and the real API with tokens of different roles, over an invented table of one cluster.
import { apiRoutes } from '../../src/admin/api.ts';
import { type Caller, whoamiRoutes, withRoles } from '../../src/admin/authorise.ts';
import { RoleRefusals } from '../../src/admin/role-refusals.ts';
import type { Role } from '../../src/admin/roles.ts';
import { pageRoutes } from '../../src/admin/status-page.ts';
import { StatusStreams } from '../../src/admin/status-streams.ts';
import { WrongTokens } from '../../src/admin/wrong-tokens.ts';
import type { CoordinatorThread } from '../../src/coordinator/thread/handle.ts';
import { listenHttp } from '../../src/net/http/http-listener.ts';
import { EMPTY_REPORT } from './empty-report.ts';

const CLUSTER = {
  id: 'c0',
  name: 'guarded',
  size: 2,
  members: 1,
  endPointCount: 1,
  attrs: 0n,
  keep: false,
  complete: false,
};
const MEMBER = { kind: 'member', clusterId: 'c0', index: 0, clientId: 'a1', name: 'alice', token: new Uint8Array() };

/** Serves the site on loopback. The token of a role is its name. `operated` has the kinds of the commands. */
export async function startRoleSite(roles: readonly Role[]) {
  const operated: string[] = [];
  const coordinator = {
    async cluster() {
      return { cluster: CLUSTER, members: [{ ...MEMBER, idleMs: undefined }] };
    },
    async operate({ kind }: { kind: string }) {
      operated.push(kind);
      return { kind: 'registered' };
    },
  } as unknown as CoordinatorThread;
  const streams = new StatusStreams(async () => ({
    ...EMPTY_REPORT,
    uptimeSeconds: performance.now() / 1_000,
    overview: { ...EMPTY_REPORT.overview!, recent: [CLUSTER] },
  }));
  const api = apiRoutes({
    coordinator,
    sessions: async () => [],
    isConnected: () => false,
    hasTwin: () => false,
    limits: () => ({ minutes: 5, limits: [], addresses: [] }),
    logLevel: { get: () => 'info', set() {}, levels: ['info'] },
  });
  // The same object each time: another one would mean that the token has changed.
  const callers = new Map<string, Caller>(
    roles.map((role) => [role, { name: `${role}-only`, role, expires: Date.UTC(2200, 0) }]),
  );
  const find = (secret: string) => callers.get(secret);
  const wrongTokens = new WrongTokens(() => {});
  const roleRefusals = new RoleRefusals({ record() {} });
  const guarded = withRoles(
    { tokens: { find }, wrongTokens, roleRefusals, audit: { record() {} }, now: Date.now },
    new Map([...api, ...whoamiRoutes, ['GET /api/status', () => streams.reply()] as const]),
  );
  const routes = new Map([...pageRoutes(() => undefined), ...guarded]);
  const listener = await listenHttp({ host: '127.0.0.1', port: 0, routes });
  return {
    port: listener.port,
    operated,
    async close() {
      streams.close();
      wrongTokens.close();
      roleRefusals.close();
      await listener.close();
    },
  };
}
