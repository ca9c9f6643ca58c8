// Health for an orchestrator: named checks, and status 503 if one of them fails.
import type { HttpReply } from '../net/web-site.ts';
import type { Pool } from '../pool/pool.ts';

/** Milliseconds without stats after which a worker counts as stuck. */
const SILENT_MS_MAX = 2_000;

/** The inputs of the health checks. The parts of the server update them. */
export interface HealthState {
  tableLoaded: boolean;
  storeFull: boolean;
  /** The store does not answer, or the table is behind it. */
  storeUnreachable: boolean;
  /** Undefined until the pool runs. */
  pool: Pick<Pool, 'silentMs'> | undefined;
  listening: boolean;
  /** The server drains, or was asked to. */
  draining: boolean;
}

/** Returns whether the server can take clients. */
export function readiness(state: HealthState): HttpReply {
  return healthReply(readinessChecks(state));
}

/** The checks of readiness, by name. */
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

/** Returns whether the process works. It counts as working while it starts or drains. */
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
