// HTTP pages, routes and replies. The WebSocket port serves pages and sessions, the same on both engines. The admin
// port serves routes.
import type { Readable } from 'node:stream';
import { HTTP_BODY_BYTES_MAX } from '../limits.ts';
import type { Certificate } from './certificate.ts';
import type { WebSessions } from './upgrade.ts';

/** A complete reply. */
export interface HttpPage {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Headers beside content-type and content-length. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The reply of a route. */
export interface HttpReply extends HttpPage {
  /** Continues the reply behind `body`; the reply then has no content-length. */
  readonly stream?: StreamBody;
  /** Sent behind `body`, at the reader's pace, without content-length. If it throws, the connection is closed. */
  readonly source?: Readable;
}

/** A reply of unknown length. It buffers one piece at most for a slow reader. */
export interface ReplyStream {
  /** Sends a piece. Returns false and drops it while the reader has not taken the last piece. */
  write(text: string): boolean;
  /** Completes the reply. */
  end(): void;
  /** Drops the connection. */
  destroy(): void;
}

/** Gets the stream once the body has been sent. Returns a function to call when the connection closes. */
export type StreamBody = (stream: ReplyStream) => () => void;

/** A request as a route sees it. */
export interface HttpRequest {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Normalized address of the peer; undefined if it is gone. */
  readonly address: string | undefined;
  /** Returns a header by its name in lower case; empty if there is none. */
  header(name: string): string;
  /** At most HTTP_BODY_BYTES_MAX bytes; empty for GET and HEAD. */
  readonly body: Buffer;
}

/** Decoded path segments, by the names in braces of the route. */
export type PathParameters = Readonly<Record<string, string>>;

type HttpHandler = (request: HttpRequest, parameters: PathParameters) => HttpReply | Promise<HttpReply>;

/** Handlers by method and path, as in `DELETE /api/clusters/{cluster}`. The handler of GET also serves HEAD. */
export type HttpRoutes = ReadonlyMap<string, HttpHandler>;

/** The WebSocket port: each connection gets one page or one session. */
export interface WebSite {
  readonly host: string;
  readonly port: number;
  /** Pages by path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, HttpPage>;
  /** Serves https and wss, if present. */
  readonly certificate?: Certificate | undefined;
  /** Serves WebSocket connections at /xlreg. */
  readonly sessions: WebSessions;
}

/** Path of the WebSocket upgrade. */
export const WEBSOCKET_PATH = '/xlreg';

/** The page of the WebSocket port for a request; 404 for an unknown path, 405 for another method. */
export function pageFor({ pages }: WebSite, method: string, path: string): HttpPage {
  const page = pages.get(path);
  if (!page) return plainReply(404, 'not found');
  return method === 'GET' || method === 'HEAD' ? page : plainReply(405, 'method not allowed');
}

/**
 * Dispatches a request: 404 for an unknown path, 405 for another method, 403 for a change that a page of another site
 * asks for.
 */
export function routeRequest(routes: HttpRoutes, request: HttpRequest): HttpReply | Promise<HttpReply> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  let known = false;
  for (const [route, handler] of routes) {
    const [routeMethod, pattern] = route.split(' ') as [string, string];
    const parameters = matchPath(pattern, request.path);
    if (parameters === undefined) continue;
    known = true;
    if (routeMethod !== method) continue;
    if (method !== 'GET' && !isOwnOrigin(request))
      return refusalReply(403, 'origin-refused', 'a page of another origin may not make changes');
    return handler(request, parameters);
  }
  return known
    ? refusalReply(405, 'method-not-allowed', `the path has no method ${method}`)
    : refusalReply(404, 'not-found', 'there is no such path');
}

/**
 * Returns whether a program or a page of this site sends the request. Browsers tell the origin of a page, programs none.
 * The scheme may differ, because a proxy may end TLS.
 */
function isOwnOrigin({ header }: HttpRequest): boolean {
  const origin = header('origin');
  if (origin === '') return true;
  return URL.canParse(origin) && new URL(origin).host === header('host');
}

/** A reply with one line of text. */
export function plainReply(status: number, text: string): HttpReply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

/** A reply with a JSON body, which no cache keeps. */
export function jsonReply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    type: 'application/json',
    body: `${JSON.stringify(body)}\n`,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  };
}

/**
 * The reply to a refused request: `{"error":{"code":…,"message":…}}`. `code` is for programs, `message` for people.
 */
export function refusalReply(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return jsonReply(status, { error: { code, message } }, headers);
}

/** The reply to a request without sound framing. */
export const BAD_REQUEST: HttpPage = plainReply(400, 'bad request');

/**
 * Returns whether the head says without doubt where the request ends: by one Content-Length, by one Transfer-Encoding
 * that ends in chunked, or by neither. With two lengths, a proxy in front may have used the other one (request
 * smuggling). `lines` returns every line of a header.
 */
export function hasSoundFraming(lines: (name: string) => readonly string[]): boolean {
  const [lengths, codings] = [lines('content-length'), lines('transfer-encoding')];
  if (lengths.length + codings.length > 1) return false;
  // 15 digits exceed every real body and stay below 2^53.
  return (
    lengths.every((length) => /^\d{1,15}$/.test(length)) && codings.every((coding) => /(^|,\s*)chunked$/i.test(coding))
  );
}

/** The reply to a body of more than HTTP_BODY_BYTES_MAX bytes. */
export const TOO_LARGE: HttpReply = refusalReply(
  413,
  'body-too-large',
  `the body has more than ${HTTP_BODY_BYTES_MAX} bytes`,
);

/** Returns undefined if the path does not match, or is not valid percent-encoding. */
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
