// Authorisation of the admin port: finds the caller by the token, refuses routes that need a greater role, and records
// what callers do. Invariant: the secret of a token is in no reply, log line or audit line.
import type { AuditSink } from '../audit/audit-event.ts';
import {
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  jsonReply,
  type PathParameters,
  type ReplyStream,
  refusalReply,
} from '../net/web-site.ts';
import { AUDITED_ACTIONS, outcomeOf } from './audited-actions.ts';
import type { RoleRefusals } from './role-refusals.ts';
import { includesRole, ROUTE_ROLES, type Role } from './roles.ts';
import type { WrongTokens } from './wrong-tokens.ts';

/** The token of a request, without its secret. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Milliseconds since 1970; undefined if the token does not expire. */
  readonly expires: number | undefined;
}

/** Finds tokens by their secret. */
export interface CallerFinder {
  /** Undefined for an unknown secret. The caller's token may have expired. An unchanged token has the same Caller. */
  find(secret: string): Caller | undefined;
}

/** The parts that decide about a request and learn of it. */
export interface Gate {
  readonly tokens: CallerFinder;
  readonly wrongTokens: WrongTokens;
  readonly audit: AuditSink;
  /** Records requests that need a greater role: one line a token, action and minute. */
  readonly roleRefusals: RoleRefusals;
  /** Milliseconds since 1970. */
  now(): number;
}

type GuardedHandler = (
  request: HttpRequest,
  parameters: PathParameters,
  caller: Caller,
) => HttpReply | Promise<HttpReply>;

/** Handlers by method and path, which learn who calls. */
export type GuardedRoutes = ReadonlyMap<string, GuardedHandler>;

const NEED_TOKEN = { 'www-authenticate': 'Bearer' };

/**
 * Wraps routes so that they reply 401 without a valid token, 403 to a token whose role is too small, and 429 to wrong
 * tokens of an address that has tried too many. Throws if a route has no row in ROUTE_ROLES, or changes something and
 * has none in AUDITED_ACTIONS.
 */
export function withRoles(gate: Gate, routes: GuardedRoutes): HttpRoutes {
  return new Map(
    [...routes].map(([route, handler]) => {
      const needs = ROUTE_ROLES[route];
      if (needs === undefined || needs === 'open') throw new Error(`${route} needs a role`);
      const audited = AUDITED_ACTIONS[route];
      if (!audited && !route.startsWith('GET ')) throw new Error(`${route} needs an action for the audit log`);
      return [
        route,
        async (request, parameters) => {
          const { address } = request;
          const secret = secretOf(request);
          const caller = secret === undefined ? undefined : gate.tokens.find(secret);
          if (!caller || isExpired(caller, gate.now())) return refuseLogin(gate, address, caller, secret !== undefined);
          const refused = refusalOf(caller, needs);
          const record = (outcome: string) => {
            if (!audited) return;
            const actor = { token: caller.name, address };
            const event = { actor, action: audited.action, object: audited.object(request, parameters), outcome };
            if (refused) gate.roleRefusals.record(event);
            else gate.audit.record(event);
          };
          // A failure that nobody foresaw is recorded, too.
          let outcome = 'failed';
          try {
            const reply = refused ?? (await handler(request, parameters, caller));
            outcome = outcomeOf(reply);
            const isValid = () => gate.tokens.find(secret!) === caller && !isExpired(caller, gate.now());
            return reply.stream ? { ...reply, stream: (to) => reply.stream!(new GuardedStream(to, isValid)) } : reply;
          } finally {
            record(outcome);
          }
        },
      ];
    }),
  );
}

/** The route that tells a caller its name, role and expiry. */
export const whoamiRoutes: GuardedRoutes = new Map([
  [
    'GET /api/whoami',
    (_request: HttpRequest, _parameters: PathParameters, { name, role, expires }: Caller) =>
      jsonReply(200, { name, role, expires: expires === undefined ? null : new Date(expires).toISOString() }),
  ],
]);

function secretOf(request: HttpRequest): string | undefined {
  return /^Bearer (\S+)$/.exec(request.header('authorization'))?.[1];
}

function isExpired({ expires }: Caller, now: number): boolean {
  return expires !== undefined && expires <= now;
}

function refuseLogin(
  { wrongTokens }: Gate,
  address: string | undefined,
  expired: Caller | undefined,
  isGuess: boolean,
): HttpReply {
  const code = expired ? 'token-expired' : isGuess ? 'token-wrong' : 'token-missing';
  const seconds = wrongTokens.refused(address, code, isGuess && !expired);
  if (seconds !== undefined) {
    const message = `too many wrong admin tokens from this address; wait ${seconds} s`;
    return refusalReply(429, 'too-many-wrong-tokens', message, { 'retry-after': String(seconds) });
  }
  const when = expired && new Date(expired.expires!).toISOString();
  const message = expired ? `the token ${expired.name} expired at ${when}` : 'the admin token is missing or wrong';
  return refusalReply(401, code, message, NEED_TOKEN);
}

function refusalOf({ name, role }: Caller, needs: Role): HttpReply | undefined {
  if (includesRole(role, needs)) return undefined;
  return refusalReply(403, 'role-too-small', `the token ${name} has the role ${role}, but this needs ${needs}`);
}

/** A stream that ends with the validity of its reader's token. The status stream writes every second. */
class GuardedStream implements ReplyStream {
  readonly #to: ReplyStream;
  readonly #isValid: () => boolean;

  constructor(to: ReplyStream, isValid: () => boolean) {
    this.#to = to;
    this.#isValid = isValid;
  }

  write(text: string): boolean {
    if (this.#isValid()) return this.#to.write(text);
    this.#to.destroy();
    return false;
  }

  end(): void {
    this.#to.end();
  }

  destroy(): void {
    this.#to.destroy();
  }
}
