// The HTTP API of the admin port, as docs/reference/openapi.json describes it: clusters, sessions, limits and the log
// level. A refused request gets `{"error":{"code":…,"message":…}}`.

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { ShownCluster } from '../coordinator/operator-queries.ts';
import { CoordinatorBusyError, type CoordinatorThread } from '../coordinator/thread/handle.ts';
import { CLUSTER_END_POINTS_MAX, CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN, ID_BYTES } from '../limits.ts';
import {
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  jsonReply,
  type PathParameters,
  refusalReply,
} from '../net/web-site.ts';
import type { FillState } from '../registry/cluster-scan.ts';
import type { ClusterRef, OperatorCommand, Reply } from '../registry/command.ts';
import { decodeRoster } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import { describeCluster } from './described-cluster.ts';
import { describeTokens, isTokenHash, joinTokenOf, tokensCommand } from './join-token-routes.ts';
import { jsonOf } from './json-of.ts';

/** The limits in effect, their present use, and what they refused. */
export interface LimitsReport {
  /** Minutes that `refused` covers, the present one included. */
  readonly minutes: number;
  readonly limits: readonly {
    readonly setting: string;
    readonly value: number | string;
    /** For a limit per address, that of the address with most; null if unknown. */
    readonly use: number | null;
    /** The names of its refusals in metrics and in the log. */
    readonly limits: readonly string[];
    readonly refused: number;
    readonly refusedTotal: number;
  }[];
  /** The addresses with the most refusals, the most first. */
  readonly addresses: readonly {
    readonly address: string;
    readonly refused: Readonly<Partial<Record<string, number>>>;
  }[];
}

/** The parts of the registry that the API uses. */
export interface ApiSubject {
  /** Undefined while the table is not loaded. */
  readonly coordinator: CoordinatorThread | undefined;
  /** Sessions with a connection number above `after`, `limit` at most. */
  sessions(after: number, limit: number): Promise<readonly { readonly connection: number }[]>;
  /** True if a client has an open session with this server. */
  isConnected(clientId: string): boolean;
  /** True if a client has sessions with different end points. */
  hasTwin(clientId: string): boolean;
  /** The limits with their use. */
  limits(): LimitsReport;
  readonly logLevel: { get(): string; set(level: string): void; readonly levels: readonly string[] };
}

/** Entries on a page: the most, and the default. */
const PAGE_MAX = 1_000;
const PAGE_DEFAULT = 100;

const FILL_STATES: readonly FillState[] = ['empty', 'filling', 'full'];

/** The body of a request to create a kept cluster (T2, R2, R3). */
const KEPT_CLUSTER = z.strictObject({
  name: z.string().refine(isName),
  size: z.int().min(CLUSTER_SIZE_MIN).max(CLUSTER_SIZE_MAX),
  endPoints: z.int().min(1).max(CLUSTER_END_POINTS_MAX).default(1),
});

/** A refused request, with its status and code. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Handler = (request: HttpRequest, parameters: PathParameters) => unknown;

/** The routes, by method and path. */
export function apiRoutes(subject: ApiSubject): HttpRoutes {
  const table = () => {
    if (subject.coordinator) return subject.coordinator;
    throw new Refused(503, 'not-ready', 'the table is not loaded yet');
  };
  const handlers: Readonly<Record<string, Handler>> = {
    'GET /api/clusters': async ({ query }) => {
      const fill = query.get('fill') ?? undefined;
      if (fill !== undefined && !FILL_STATES.includes(fill as FillState))
        throw badQuery('fill', FILL_STATES.join(', '));
      const { clusters, more } = await table().clusters({
        prefix: query.get('prefix') ?? '',
        fill: fill as FillState | undefined,
        after: query.get('cursor') ?? '',
        limit: pageSize(query),
      });
      return { clusters: clusters.map(describeCluster), next: more ? clusters.at(-1)!.name : null };
    },
    'POST /api/clusters': async ({ body }) => {
      const { name, size, endPoints } = keptClusterOf(body);
      const id = randomBytes(ID_BYTES).toString('hex');
      await operate({ kind: 'keep-cluster', name, id, size, endPointCount: endPoints, attrs: 0n });
      return describeCluster((await shown(name)).cluster);
    },
    'GET /api/clusters/{cluster}': async (_, { cluster }) => describeCluster((await shown(cluster!)).cluster),
    'DELETE /api/clusters/{cluster}': (_, { cluster }) => operate({ kind: 'delete-cluster', cluster: refOf(cluster!) }),
    'GET /api/clusters/{cluster}/members': async (_, { cluster }) => {
      const { cluster: summary, members } = await shown(cluster!);
      return { cluster: describeCluster(summary), members: members.map((member) => describeMember(member, subject)) };
    },
    'DELETE /api/clusters/{cluster}/members/{member}': (_, { cluster, member }) =>
      operate({ kind: 'evict', cluster: refOf(cluster!), member: refOf(member!) }),
    ...markHandlers(table, (command) => operate(command)),
    ...joinTokenHandlers(async (command) => {
      const reply = await table().operate(command);
      if (reply.kind === 'tokens') return describeTokens(reply);
      return refuseReply(reply);
    }),
    'GET /api/sessions': async ({ query }) => {
      const [limit, cursor] = [pageSize(query), whole(query, 'cursor', 0, 0, Number.MAX_SAFE_INTEGER)];
      // Request one more, to know whether there is a next page.
      const sessions = await subject.sessions(cursor, limit + 1);
      const page = sessions.slice(0, limit);
      return { sessions: page, next: sessions.length > limit ? page.at(-1)!.connection : null };
    },
    'GET /api/limits': () => subject.limits(),
    'GET /api/log-level': () => ({ level: subject.logLevel.get() }),
    'PUT /api/log-level': ({ body }) => {
      const level = levelOf(body);
      if (level === undefined || !subject.logLevel.levels.includes(level)) {
        throw new Refused(
          400,
          'bad-level',
          `the body should be {"level":…} with one of ${subject.logLevel.levels.join(', ')}`,
        );
      }
      subject.logLevel.set(level);
      return { level };
    },
  };

  async function shown(name: string): Promise<ShownCluster> {
    const found = await table().cluster(refOf(name));
    if (found === undefined) throw new Refused(404, 'cluster-unknown', 'there is no such cluster');
    return found;
  }

  async function operate(command: OperatorCommand): Promise<unknown> {
    return refuseReply(await table().operate(command));
  }

  return new Map(
    Object.entries(handlers).map(([route, handler]) => [
      route,
      async (request, parameters) => {
        try {
          return jsonReply(200, await handler(request, parameters));
        } catch (error) {
          return replyTo(error);
        }
      },
    ]),
  );
}

/** The response to a change, or Refused. */
function refuseReply(reply: Reply): unknown {
  if (reply.kind !== 'refused') return { done: true };
  switch (reply.refusal) {
    case 'cannot-store':
      throw new Refused(507, 'cannot-store', 'the store has no room for the change');
    case 'registry-full':
      throw new Refused(507, 'registry-full', 'there are as many clusters as --max-clusters allows');
    case 'client-unknown':
      throw new Refused(404, 'member-unknown', 'there is no such member');
    case 'cluster-admits-differently':
      throw new Refused(
        409,
        'admits-differently',
        'the cluster admits anybody, or has this token with other properties',
      );
    case 'too-many-join-tokens':
      throw new Refused(507, 'tokens-full', 'the cluster has no room for another join token: revoke some');
    default:
      throw new Refused(404, 'cluster-unknown', 'there is no such cluster');
  }
}

/** Routes of the join tokens of clusters (A7). */
function joinTokenHandlers(
  operate: (command: ReturnType<typeof tokensCommand>) => Promise<unknown>,
): Readonly<Record<string, Handler>> {
  return {
    'GET /api/clusters/{cluster}/tokens': (_, { cluster }) => operate(tokensCommand(refOf(cluster!))),
    'POST /api/clusters/{cluster}/tokens': ({ body }, { cluster }) => {
      const token = joinTokenOf(body);
      if (token) return operate(tokensCommand(refOf(cluster!), { add: [token] }));
      const should = '{"hash":SHA-256 in hex}, with uses, ttlMs, forName, replace, observer if wanted';
      throw new Refused(400, 'bad-token', `the body should be ${should}`);
    },
    'DELETE /api/clusters/{cluster}/tokens/{token}': (_, { cluster, token }) => {
      if (isTokenHash(token!)) return operate(tokensCommand(refOf(cluster!), { revoke: [token!] }));
      throw new Refused(400, 'bad-token', 'the path should end in the hash of a join token, 64 hex digits');
    },
  };
}

/** Routes that open the old dialects to clients again (L6). */
function markHandlers(
  table: () => CoordinatorThread,
  operate: (command: OperatorCommand) => Promise<unknown>,
): Readonly<Record<string, Handler>> {
  return {
    'DELETE /api/marks': () => liftAllMarks(table()),
    'DELETE /api/marks/{client}': (_, { client }) =>
      operate({ kind: 'lift-marks', clientId: client!.replace(/^id:/, '').toLowerCase() }),
  };
}

/** Lifts all marks, some at a time, so that other commands run in between. */
async function liftAllMarks(table: CoordinatorThread): Promise<unknown> {
  for (;;) {
    const reply = await table.operate({ kind: 'lift-marks', clientId: undefined });
    if (reply.kind !== 'marks') throw new Refused(507, 'cannot-store', 'the store has no room for the change');
    if (reply.left === 0 || reply.lifted === 0) return { done: true };
  }
}

function replyTo(error: unknown): HttpReply {
  if (error instanceof CoordinatorBusyError) return refusalReply(503, 'busy', error.message);
  if (!(error instanceof Refused)) throw error;
  return refusalReply(error.status, error.code, error.message);
}

/** `id:` with hex digits, or a name; no name begins with `id:`. */
function refOf(text: string): ClusterRef {
  return text.startsWith('id:') ? { id: text.slice(3).toLowerCase() } : { name: text };
}

function pageSize(query: URLSearchParams): number {
  return whole(query, 'limit', PAGE_DEFAULT, 1, PAGE_MAX);
}

function whole(query: URLSearchParams, name: string, otherwise: number, least: number, most: number): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (value < least || value > most) throw badQuery(name, `a whole number, ${least} to ${most}`);
  return value;
}

function badQuery(name: string, should: string): Refused {
  return new Refused(400, 'bad-query', `the parameter ${name} should be ${should}`);
}

function keptClusterOf(body: Buffer): z.output<typeof KEPT_CLUSTER> {
  const parsed = KEPT_CLUSTER.safeParse(jsonOf(body));
  if (parsed.success) return parsed.data;
  throw new Refused(
    400,
    'bad-cluster',
    'the body should be {"name":…,"size":2 to 64}, with "endPoints":1 or 2 if wanted',
  );
}

function levelOf(body: Buffer): string | undefined {
  const level = (jsonOf(body) as { level?: unknown } | null | undefined)?.level;
  return typeof level === 'string' ? level : undefined;
}

function describeMember(shown: ShownCluster['members'][number], subject: ApiSubject) {
  const { index, name, clientId, token, sealed, idleMs } = shown;
  return {
    ...{ index, name, clientId, endPoints: decodeRoster(token)[0]?.MyEnds ?? [] },
    connected: subject.isConnected(clientId),
    ...(sealed && { sealed: true }),
    ...(idleMs !== undefined && { idleMs: Math.round(idleMs) }),
    ...(subject.hasTwin(clientId) && { twin: true }),
  };
}
