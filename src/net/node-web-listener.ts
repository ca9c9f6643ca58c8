// HTTP and WebSocket on node:http and ws: where uWebSockets.js has no build that loads.
import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Seat } from '../admission/admission.ts';
import { normalizeAddress } from '../admission/ip-address.ts';
import { HTTP_BODY_BYTES_MAX, HTTP_HEAD_BYTES_MAX, MESSAGE_BYTES_MAX } from '../limits.ts';
import type { Certificate } from './certificate.ts';
import { type Connection, type ConnectionHandler, type Listener, printAddress } from './connection.ts';
import { listenError } from './listen-error.ts';
import { PingRate } from './ping-rate.ts';
import { boundAddress } from './tcp-listener.ts';
import { admitUpgrade, isProxy, type WebSessions } from './upgrade.ts';
import { type HttpReply, type ReplyStream, routeRequest, TOO_LARGE, WEBSOCKET_PATH, type WebSite } from './web-site.ts';

/** WebSocket close codes, as in the other engine. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

class NodeWebConnection implements Connection {
  readonly transport = 'ws';
  readonly seat: Seat;
  readonly #socket: WebSocket;
  /** Told when a write that had to wait is done. */
  handler: ConnectionHandler | undefined;

  constructor(socket: WebSocket, seat: Seat) {
    this.seat = seat;
    this.#socket = socket;
  }

  send(bytes: Uint8Array): boolean {
    let waited = false;
    this.#socket.send(Buffer.from(bytes), { binary: true }, () => {
      if (waited && this.#socket.bufferedAmount === 0) this.handler?.drained();
    });
    waited = this.#socket.bufferedAmount > 0;
    return !waited;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(bytes?: Uint8Array): void {
    if (bytes === undefined) return this.destroy();
    this.#socket.send(Buffer.from(bytes), { binary: true });
    this.#socket.close(NORMAL_CLOSURE);
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** Milliseconds for a TLS handshake, for a request's head, and for all of it. */
const HEAD_TIMEOUT_MS = 10_000;

/** How late the end of these times may be noticed. */
const CHECKING_INTERVAL_MS = 1_000;

export async function listenNodeWeb({ host, port, routes, sessions, certificate }: WebSite): Promise<Listener> {
  const server = createWebServer(certificate, async (request, response) => {
    const { method = '', url = '' } = request;
    if (sessions) response.shouldKeepAlive = false;
    const body = await bodyOf(request);
    if (body === 'aborted') return;
    if (body === 'too large') {
      response.once('finish', () => request.destroy());
      return answer(response, TOO_LARGE, false);
    }
    const [path = '', ...query] = url.split('?');
    const asked = { method, path, query: new URLSearchParams(query.join('?')), header: headersOf(request), body };
    const reply = await routeRequest(routes, asked);
    answer(response, reply, method === 'HEAD');
  });
  server.headersTimeout = HEAD_TIMEOUT_MS;
  server.requestTimeout = HEAD_TIMEOUT_MS;
  if (sessions) acceptUpgrades(server, sessions, seatConnections(server, sessions));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError('web', host, port, error)));
    server.listen({ host, port }, resolve);
  });
  const { port: bound } = boundAddress(server);
  return {
    address: printAddress(host, bound),
    port: bound,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function createWebServer(certificate: Certificate | undefined, listener: RequestListener): HttpServer | HttpsServer {
  const settings = { maxHeaderSize: HTTP_HEAD_BYTES_MAX, connectionsCheckingInterval: CHECKING_INTERVAL_MS };
  if (certificate === undefined) return createServer(settings, listener);
  const tls = { ...settings, ...certificate.pair, handshakeTimeout: HEAD_TIMEOUT_MS };
  const server = createTlsServer(tls, listener);
  certificate.onReload((pair) => server.setSecureContext(pair));
  return server;
}

/**
 * Gives each connection a seat before it has sent anything, TLS included, and frees it at its close. Returns what finds the
 * seat of a request's connection.
 */
function seatConnections(
  server: HttpServer | HttpsServer,
  sessions: WebSessions,
): (socket: Socket) => Seat | undefined {
  const { admission } = sessions;
  // By where it comes from: of a TLS connection a request shows another socket than the one that was accepted.
  const seats = new Map<string, Seat>();
  const placeOf = ({ remoteAddress, remotePort, localAddress }: Socket) =>
    `${remoteAddress} ${remotePort} ${localAddress}`;
  server.on('connection', (socket: Socket) => {
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    if (peer === undefined) return socket.destroy();
    const seat = isProxy(sessions, peer) ? admission.take() : admission.takeFor(peer);
    if (seat === undefined) return socket.destroy();
    const place = placeOf(socket);
    seats.set(place, seat);
    seat.evict = () => {
      seat.ended('displaced');
      socket.destroy();
    };
    socket.on('close', () => {
      seats.delete(place);
      seat.free();
    });
  });
  return (socket) => seats.get(placeOf(socket));
}

function acceptUpgrades(
  server: HttpServer | HttpsServer,
  sessions: WebSessions,
  seatOf: (socket: Socket) => Seat | undefined,
): void {
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    clientTracking: false,
  });
  server.on('upgrade', (request, socket, head) => {
    // Nobody else listens for errors of a socket that asks for an upgrade.
    socket.on('error', () => {});
    if (pathOf(request) !== WEBSOCKET_PATH) return refuse(socket, '404 Not Found');
    const peer = normalizeAddress(request.socket.remoteAddress ?? '');
    const header = (name: string) => request.headersDistinct[name]?.join() ?? '';
    const seat = admitUpgrade(sessions, { peer, header }, (address) => {
      const own = seatOf(request.socket);
      return own && (own.address !== undefined || own.placeAt(address)) ? own : undefined;
    });
    if (seat === 'origin') return refuse(socket, '403 Forbidden');
    if (seat === 'silent') return socket.destroy();
    webSockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, seat, sessions));
  });
}

function serve(socket: WebSocket, seat: Seat, { accept }: WebSessions): void {
  const connection = new NodeWebConnection(socket, seat);
  const handler = accept(connection);
  connection.handler = handler;
  const pings = new PingRate();
  const receive = (data: Buffer, isBinary: boolean) => {
    if (isBinary) return handler.received(data);
    socket.off('message', receive);
    socket.close(UNSUPPORTED_DATA);
  };
  socket.on('message', receive);
  socket.on('ping', () => {
    if (!pings.allows()) socket.terminate();
  });
  // A violation of the WebSocket protocol; ws has answered it, and 'close' follows.
  socket.on('error', () => {});
  socket.on('close', () => handler.closed());
}

function refuse(socket: Duplex, status: string): void {
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!;
}

function headersOf(request: IncomingMessage): (name: string) => string {
  return (name) => request.headersDistinct[name]?.join() ?? '';
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

class NodeReplyStream implements ReplyStream {
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

function answer(response: ServerResponse, { status, type, body, stream, headers }: HttpReply, headOnly: boolean): void {
  if (!stream) {
    response.writeHead(status, { 'content-type': type, ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(headOnly ? undefined : body);
    return;
  }
  response.writeHead(status, { 'content-type': type, ...headers, connection: 'close' });
  if (headOnly || response.destroyed) {
    response.end();
    return;
  }
  response.flushHeaders();
  if (body) response.write(body);
  response.once('close', stream(new NodeReplyStream(response)));
}
