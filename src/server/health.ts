// Health as an orchestrator asks for it: named checks, 503 if one of them fails.
import type { HttpReply } from '../net/web-site.ts';
import type { PoolProbe } from './pool-probe.ts';

/** What health goes by, as the parts of the registry come up and go down. */
export interface HealthState {
  tableLoaded: boolean;
  storeFull: boolean;
  /** It does not answer, or the table is behind it. */
  storeUnreachable: boolean;
  /** Undefined before there is a pool. */
  poolProbe: PoolProbe | undefined;
  listening: boolean;
  /** It stops, or has been told to. */
  draining: boolean;
}

/** Whether to send clients here. */
export async function readiness(state: HealthState): Promise<HttpReply> {
  return healthReply(await readinessChecks(state));
}

/** What readiness goes by. */
export async function readinessChecks(state: HealthState): Promise<Record<string, boolean>> {
  return {
    'table-loaded': state.tableLoaded,
    'store-writable': state.tableLoaded && !state.storeFull,
    'store-reachable': state.tableLoaded && !state.storeUnreachable,
    'pool-alive': (await state.poolProbe?.alive()) ?? false,
    listening: state.listening,
    'not-draining': !state.draining,
  };
}

/** Whether to leave the process alone; while it starts or drains that is so. */
export async function liveness({ poolProbe, draining }: HealthState): Promise<HttpReply> {
  return healthReply({ 'pool-alive': draining || ((await poolProbe?.alive()) ?? true) });
}

/** `{"status":"failing","failing":["store-writable"],"checks":{"table-loaded":true,…}}` */
function healthReply(checks: Readonly<Record<string, boolean>>): HttpReply {
  const failing = Object.keys(checks).filter((name) => !checks[name]);
  const body = { status: failing.length > 0 ? 'failing' : 'ok', failing, checks };
  return { status: failing.length > 0 ? 503 : 200, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
