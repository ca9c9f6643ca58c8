// What a web listener serves: HTTP routes, and WebSocket connections at one path. The same for both engines.
import type { Certificate } from './certificate.ts';
import type { WebSessions } from './upgrade.ts';

/** What a route answers. */
export interface HttpReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Handlers by method and exact path, `GET /metrics`; HEAD is served by GET. */
export type HttpRoutes = ReadonlyMap<string, () => HttpReply | Promise<HttpReply>>;

/** What of a request decides about its answer. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** Set by browsers when a page makes the request; undefined or empty otherwise. */
  readonly origin: string | undefined;
}

/** What a listener serves. */
export interface WebSite {
  readonly host: string;
  readonly port: number;
  readonly routes: HttpRoutes;
  /** Serves https and wss, if present. */
  readonly certificate?: Certificate | undefined;
  /** Serves WebSocket connections at /xlreg, if present. */
  readonly sessions?: WebSessions;
}

/** Where WebSocket clients connect. */
export const WEBSOCKET_PATH = '/xlreg';

/** The answer to a request: 404 for a path unknown, 405 for a method it does not have, 403 for a page's wish to act. */
export function routeRequest(routes: HttpRoutes, request: HttpRequest): HttpReply | Promise<HttpReply> {
  const { path, origin } = request;
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes.get(`${method} ${path}`);
  if (route && method !== 'GET' && origin) return plainReply(403, 'origin not allowed');
  if (route) return route();
  const known = ['GET', 'POST'].some((other) => routes.has(`${other} ${path}`));
  return known ? plainReply(405, 'method not allowed') : plainReply(404, 'not found');
}

/** A line of text. */
export function plainReply(status: number, text: string): HttpReply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
