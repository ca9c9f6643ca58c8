// Health for an orchestrator: named checks, and status 503 if one of them fails.
import type { CoordinatorThread } from '../coordinator/thread/handle.ts';
import type { HttpReply, HttpRequest, HttpRoutes } from '../net/web-site.ts';
import type { Pool } from '../pool/pool.ts';

/** Milliseconds without stats after which a worker, or the thread of a further front end, counts as stuck. */
const SILENT_MS_MAX = 2_000;

/** The inputs of the health checks. The parts of the server update them. */
export interface HealthState {
  tableLoaded: boolean;
  storeFull: boolean;
  /** The store does not answer, or the table is behind it. */
  storeUnreachable: boolean;
  /** Undefined until the table is loaded. */
  readonly coordinator: Pick<CoordinatorThread, 'answersRosters'> | undefined;
  /** Undefined until the pool runs. */
  pool: Pick<Pool, 'silentMs'> | undefined;
  listening: boolean;
  /** The server drains, or was asked to. */
  draining: boolean;
}

/**
 * The routes of health, which need no token: `/livez`, `/readyz` and `/readyz?for=reads`. Each refuses any other
 * parameter, because a misspelled one would answer another question.
 */
export function healthRoutes(state: HealthState): HttpRoutes {
  return new Map([
    ['GET /readyz', ({ query }: HttpRequest) => readyz(state, query)],
    ['GET /livez', ({ query }: HttpRequest) => unlessGiven(query, () => liveness(state))],
  ]);
}

function readyz(state: HealthState, query: URLSearchParams): HttpReply {
  const [wanted, ...more] = query.getAll('for');
  if (query.size === 1 && more.length === 0 && wanted === 'reads') return readinessForReads(state);
  if (query.has('for') && wanted !== 'reads') return badQuery('the parameter for should be reads');
  return unlessGiven(query, () => readiness(state));
}

function unlessGiven(query: URLSearchParams, reply: () => HttpReply): HttpReply {
  const [name] = query.keys();
  return name === undefined ? reply() : badQuery(`the path has no further parameter ${JSON.stringify(name)}`);
}

/** `{"error":{"code":"bad-query","message":…}}`, as the API refuses. */
function badQuery(message: string): HttpReply {
  return jsonReply(400, { error: { code: 'bad-query', message } });
}

/** Returns whether the server can take clients. */
export function readiness(state: HealthState): HttpReply {
  return healthReply(readinessChecks(state));
}

/**
 * Returns whether the server answers rosters, from its table in memory if the store is away. Changes of the table may
 * be refused meanwhile.
 */
export function readinessForReads(state: HealthState): HttpReply {
  const { 'store-writable': _, 'store-reachable': __, ...checks } = readinessChecks(state);
  return healthReply(checks);
}

/** The checks of readiness, by name. */
export function readinessChecks(state: HealthState): Record<string, boolean> {
  return {
    'table-loaded': state.tableLoaded,
    'table-answerable': state.tableLoaded && state.coordinator?.answersRosters === true,
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
  return jsonReply(failing.length > 0 ? 503 : 200, { status: failing.length > 0 ? 'failing' : 'ok', failing, checks });
}

function jsonReply(status: number, body: unknown): HttpReply {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
