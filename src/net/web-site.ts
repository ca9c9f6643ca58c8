// What a web listener serves: HTTP routes, and WebSocket connections at one path. The same for both engines.
import type { Certificate } from './certificate.ts';
import type { WebSessions } from './upgrade.ts';

/** What a route answers. */
export interface HttpReply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Goes on behind the body; the reply then has no content-length. */
  readonly stream?: StreamBody;
  /** Besides content-type and content-length. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A reply that goes on. Nothing of it is kept for a reader who does not read, but the last piece that was written. */
export interface ReplyStream {
  /** Sends text; false, and it is not sent, while the reader has not taken what was written before. */
  write(text: string): boolean;
  /** The reply is complete. */
  end(): void;
  /** Drops the connection. */
  destroy(): void;
}

/** Is given the stream once the body has been sent; returns what to call when the reader goes before the end. */
export type StreamBody = (stream: ReplyStream) => () => void;

/** What a route is told of a request. */
export interface HttpRequest {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By its name in lower case; empty if there is none. */
  header(name: string): string;
  /** HTTP_BODY_BYTES_MAX at most; empty for GET and HEAD. */
  readonly body: Buffer;
}

/** What stands in a path for the names in braces of its route, decoded. */
export type PathParameters = Readonly<Record<string, string>>;

type HttpHandler = (request: HttpRequest, parameters: PathParameters) => HttpReply | Promise<HttpReply>;

/** Handlers by method and path, `GET /metrics`, `DELETE /api/clusters/{cluster}`; HEAD is served by GET. */
export type HttpRoutes = ReadonlyMap<string, HttpHandler>;

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
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  let known = false;
  for (const [route, handler] of routes) {
    const [routeMethod, pattern] = route.split(' ') as [string, string];
    const parameters = matchPath(pattern, request.path);
    if (parameters === undefined) continue;
    known = true;
    if (routeMethod !== method) continue;
    if (method !== 'GET' && request.header('origin')) return plainReply(403, 'origin not allowed');
    return handler(request, parameters);
  }
  return known ? plainReply(405, 'method not allowed') : plainReply(404, 'not found');
}

/** A line of text. */
export function plainReply(status: number, text: string): HttpReply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

/** For a body of more than HTTP_BODY_BYTES_MAX. */
export const TOO_LARGE: HttpReply = plainReply(413, 'the body is too large');

/** Undefined if the path is another, or is not what percent-encoding gives. */
function matchPath(pattern: string, path: string): PathParameters | undefined {
  if (!pattern.includes('{')) return pattern === path ? {} : undefined;
  const [names, values] = [pattern.split('/'), path.split('/')];
  if (names.length !== values.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [i, name] of names.entries()) {
    const value = values[i]!;
    if (!name.startsWith('{')) {
      if (name !== value) return undefined;
      continue;
    }
    try {
      parameters[name.slice(1, -1)] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
  }
  return parameters;
}
