// The HTTP listener of the admin port, on node:http with either engine: routes, bodies, streams. It does not load ws.
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { normalizeAddress } from '../../admission/ip-address.ts';
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CONNECTIONS_MAX,
  HTTP_CONNECTIONS_PER_ADDRESS_MAX,
  HTTP_HEAD_BYTES_MAX,
  HTTP_KEEP_ALIVE_MS,
  HTTP_REPLY_MS_MAX,
  HTTP_REQUEST_MS_MAX,
  HTTP_STALL_MS_MAX,
} from '../../limits.ts';
import type { Certificate } from '../certificate.ts';
import type { Listener } from '../connection.ts';
import {
  type HttpReply,
  type HttpRoutes,
  type ReplyStream,
  refusalReply,
  routeRequest,
  TOO_LARGE,
} from '../web-site.ts';
import { HttpConnections } from './http-connections.ts';
import { answerPage, createWebServer, listenOn, pathOf } from './http-server.ts';

/** Settings of an HTTP listener. */
export interface HttpSite {
  readonly host: string;
  readonly port: number;
  readonly routes: HttpRoutes;
  /** Serves https, if present. */
  readonly certificate?: Certificate | undefined;
  /** Counts and bounds the connections; by HTTP_CONNECTIONS_MAX if absent. */
  readonly connections?: HttpConnections;
}

/** The bounded connections of an admin port. */
export function newHttpConnections(): HttpConnections {
  return new HttpConnections({ max: HTTP_CONNECTIONS_MAX, maxPerAddress: HTTP_CONNECTIONS_PER_ADDRESS_MAX });
}

/** Listens on `host:port`; rejects with ListenError. */
export async function listenHttp(site: HttpSite): Promise<Listener> {
  const { host, port, routes, certificate, connections = newHttpConnections() } = site;
  const server = createWebServer(certificate, (request, response) => serve(request, response, routes, connections));
  server.keepAliveTimeout = HTTP_KEEP_ALIVE_MS;
  server.on('connection', (socket) => connections.opened(socket));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseUnread(error, socket, connections));
  return listenOn(server, host, port);
}

/** Refusals of requests that node:http cannot read, by the code of its error. */
const UNREAD: Readonly<Partial<Record<string, HttpReply>>> = {
  HPE_HEADER_OVERFLOW: refusalReply(431, 'head-too-large', `the head has more than ${HTTP_HEAD_BYTES_MAX} bytes`),
  ERR_HTTP_REQUEST_TIMEOUT: refusalReply(
    408,
    'request-late',
    `the request has taken more than ${HTTP_REQUEST_MS_MAX} ms`,
  ),
};
const UNREADABLE = refusalReply(400, 'bad-request', 'this is no sound HTTP request');

/** Refuses a request that node:http cannot read, unless an earlier reply is under way, and closes the connection. */
function refuseUnread({ code = '' }: NodeJS.ErrnoException, socket: Duplex, connections: HttpConnections): void {
  if (!socket.writable || connections.isBusy(socket as Socket)) return void socket.destroy();
  const { status, type, headers, body } = UNREAD[code] ?? UNREADABLE;
  const all = { ...headers, 'content-type': type, 'content-length': body.length, connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy());
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  routes: HttpRoutes,
  connections: HttpConnections,
): Promise<void> {
  const body = await bodyOf(request);
  if (body === 'aborted') return;
  if (body === 'too large') {
    response.shouldKeepAlive = false;
    response.once('finish', () => request.destroy());
    return answerPage(request, response, TOO_LARGE);
  }
  response.once('close', connections.beginRequest(request.socket));
  const { method = '', url = '' } = request;
  const query = new URLSearchParams(url.split('?').slice(1).join('?'));
  const header = (name: string) => request.headersDistinct[name]?.join() ?? '';
  const address = normalizeAddress(request.socket.remoteAddress ?? '');
  const reply = await routeRequest(routes, { method, path: pathOf(request), query, address, header, body });
  if (reply.stream) return stream(request, response, reply);
  if (reply.source) return send(response, reply, reply.source);
  cutOffLate(response);
  answerPage(request, response, reply);
}

/** Closes a connection whose peer does not read the reply in time, since it holds memory and a place. */
function cutOffLate(response: ServerResponse): void {
  const late = setTimeout(() => response.destroy(), HTTP_REPLY_MS_MAX).unref();
  response.once('close', () => clearTimeout(late));
}

function stream(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, headers, body, stream }: HttpReply,
) {
  response.writeHead(status, { 'content-type': type, ...headers, connection: 'close' });
  if (request.method === 'HEAD' || response.destroyed) {
    response.end();
    return;
  }
  response.flushHeaders();
  if (body) response.write(body);
  response.once('close', stream!(new HttpReplyStream(response)));
}

/** Sends a reply of unknown length. A reader that takes nothing for HTTP_STALL_MS_MAX loses the connection. */
async function send(response: ServerResponse, reply: HttpReply, source: Readable): Promise<void> {
  const { status, type, headers } = reply;
  response.writeHead(status, { 'content-type': type, ...headers, connection: 'close' });
  response.setTimeout(HTTP_STALL_MS_MAX, () => response.destroy());
  // On an error, pipeline() destroys the connection, so that the reader sees that the reply is incomplete.
  await pipeline(source, response).catch(() => {});
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | 'too large' | 'aborted'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= HTTP_BODY_BYTES_MAX) chunks.push(chunk);
      else resolve('too large');
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => resolve('aborted'));
    request.on('error', () => resolve('aborted'));
  });
}

class HttpReplyStream implements ReplyStream {
  readonly #response: ServerResponse;
  #taken = true;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  write(text: string): boolean {
    if (!this.#taken || this.#response.destroyed || this.#response.writableEnded) return false;
    this.#taken = false;
    this.#response.write(text, () => {
      this.#taken = true;
    });
    return true;
  }

  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }
}
