// Health as an orchestrator asks for it: named checks, 503 if one of them fails.
import type { HttpReply } from '../net/web-site.ts';
import type { Pool } from '../pool/pool.ts';

/** A worker that has told nothing of itself for longer is stuck. */
const SILENT_MS_MAX = 2_000;

/** What health goes by, as the parts of the registry come up and go down. */
export interface HealthState {
  tableLoaded: boolean;
  storeFull: boolean;
  /** It does not answer, or the table is behind it. */
  storeUnreachable: boolean;
  /** Undefined before there is one. */
  pool: Pick<Pool, 'silentMs'> | undefined;
  listening: boolean;
  /** It stops, or has been told to. */
  draining: boolean;
}

/** Whether to send clients here. */
export function readiness(state: HealthState): HttpReply {
  return healthReply(readinessChecks(state));
}

/** What readiness goes by. */
export function readinessChecks(state: HealthState): Record<string, boolean> {
  return {
    'table-loaded': state.tableLoaded,
    'store-writable': state.tableLoaded && !state.storeFull,
    'store-reachable': state.tableLoaded && !state.storeUnreachable,
    'pool-alive': state.pool !== undefined && isAlive(state.pool),
    listening: state.listening,
    'not-draining': !state.draining,
  };
}

/** Whether to leave the process alone; while it starts or drains that is so. */
export function liveness({ pool, draining }: HealthState): HttpReply {
  return healthReply({ 'pool-alive': draining || pool === undefined || isAlive(pool) });
}

function isAlive({ silentMs }: Pick<Pool, 'silentMs'>): boolean {
  return silentMs <= SILENT_MS_MAX;
}

/** `{"status":"failing","failing":["store-writable"],"checks":{"table-loaded":true,…}}` */
function healthReply(checks: Readonly<Record<string, boolean>>): HttpReply {
  const failing = Object.keys(checks).filter((name) => !checks[name]);
  const body = { status: failing.length > 0 ? 'failing' : 'ok', failing, checks };
  return { status: failing.length > 0 ? 503 : 200, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
