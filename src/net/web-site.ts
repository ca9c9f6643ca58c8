// What a web listener serves: HTTP routes, and WebSocket connections at one path. The same for both engines.
import type { AcceptConnection } from './connection.ts';

/** What a route answers. */
export interface HttpReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** GET (and HEAD) by exact path; everything else is 404, other methods 405. */
export type HttpRoutes = ReadonlyMap<string, () => HttpReply | Promise<HttpReply>>;

export interface WebSite {
  readonly host: string;
  readonly port: number;
  readonly routes: HttpRoutes;
  /** Serves WebSocket connections at /xlreg, if present. */
  readonly accept?: AcceptConnection;
}

/** Where WebSocket clients connect. */
export const WEBSOCKET_PATH = '/xlreg';

/** The answer to a request, for both engines. */
export function routeRequest(routes: HttpRoutes, method: string, path: string): HttpReply | Promise<HttpReply> {
  const route = routes.get(path);
  if (!route) return plainReply(404, 'not found');
  if (method !== 'GET' && method !== 'HEAD') return plainReply(405, 'method not allowed');
  return route();
}

/** A line of text. */
export function plainReply(status: number, text: string): HttpReply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
