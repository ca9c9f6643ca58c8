// Authorisation of the admin port: finds the caller by the token, and refuses routes that need a greater role.
import {
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  jsonReply,
  type PathParameters,
  refusalReply,
} from '../net/web-site.ts';
import { includesRole, ROUTE_ROLES, type Role } from './roles.ts';

/** The token of a request, without its secret. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Milliseconds since 1970; undefined if the token does not expire. */
  readonly expires: number | undefined;
}

/** Finds tokens by their secret. */
export interface CallerFinder {
  /** Undefined for an unknown secret. The caller's token may have expired. */
  find(secret: string): Caller | undefined;
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
 * Wraps routes so that they reply 401 without a valid token and 403 to a token whose role is too small. Throws if a
 * route has no row in ROUTE_ROLES or is open.
 */
export function withRoles(tokens: CallerFinder, routes: GuardedRoutes, now = Date.now): HttpRoutes {
  return new Map(
    [...routes].map(([route, handler]) => {
      const needs = ROUTE_ROLES[route];
      if (needs === undefined || needs === 'open') throw new Error(`${route} needs a role`);
      return [
        route,
        (request, parameters) => {
          const caller = callerOf(tokens, request);
          const refused = refusalOf(caller, needs, now());
          return refused ?? handler(request, parameters, caller!);
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

function callerOf(tokens: CallerFinder, request: HttpRequest): Caller | undefined {
  const [, secret] = /^Bearer (\S+)$/.exec(request.header('authorization')) ?? [];
  return secret === undefined ? undefined : tokens.find(secret);
}

function refusalOf(caller: Caller | undefined, needs: Role, now: number): HttpReply | undefined {
  if (!caller) return refusalReply(401, 'token-wrong', 'the admin token is missing or wrong', NEED_TOKEN);
  const { name, role, expires } = caller;
  if (expires !== undefined && expires <= now) {
    const message = `the token ${name} expired at ${new Date(expires).toISOString()}`;
    return refusalReply(401, 'token-expired', message, NEED_TOKEN);
  }
  if (includesRole(role, needs)) return undefined;
  return refusalReply(403, 'role-too-small', `the token ${name} has the role ${role}, but this needs ${needs}`);
}
