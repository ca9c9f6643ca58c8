// What web listeners serve: the WebSocket port pages and sessions, alike on both engines; the admin port routes.
import type { Certificate } from './certificate.ts';
import type { WebSessions } from './upgrade.ts';

/** A whole answer. */
export interface HttpPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Besides content-type and content-length. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route answers. */
export interface HttpReply extends HttpPage {
  /** Goes on behind the body; the reply then has no content-length. */
  readonly stream?: StreamBody;
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

/** What the WebSocket port serves: each connection one page, or a session. */
export interface WebSite {
  readonly host: string;
  readonly port: number;
  /** By path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, HttpPage>;
  /** Serves https and wss, if present. */
  readonly certificate?: Certificate | undefined;
  /** Serves WebSocket connections at /xlreg. */
  readonly sessions: WebSessions;
}

/** Where WebSocket clients connect. */
export const WEBSOCKET_PATH = '/xlreg';

/** The page of the WebSocket port for a request, or why there is none: 404 for the path, 405 for the method. */
export function pageFor({ pages }: WebSite, method: string, path: string): HttpPage {
  const page = pages.get(path);
  if (!page) return plainReply(404, 'not found');
  return method === 'GET' || method === 'HEAD' ? page : plainReply(405, 'method not allowed');
}

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

/** For a request without sound framing. */
export const BAD_REQUEST: HttpPage = plainReply(400, 'bad request');

/**
 * Whether the head leaves no doubt where the request ends: one Content-Length, or one Transfer-Encoding that ends in
 * chunked, or neither. Of two lengths a proxy in front may have believed the other one. `lines` gives every line of a header.
 */
export function hasSoundFraming(lines: (name: string) => readonly string[]): boolean {
  const [lengths, codings] = [lines('content-length'), lines('transfer-encoding')];
  if (lengths.length + codings.length > 1) return false;
  // More digits than these are no number of bytes that anybody could mean.
  return (
    lengths.every((length) => /^\d{1,15}$/.test(length)) && codings.every((coding) => /(^|,\s*)chunked$/i.test(coding))
  );
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
