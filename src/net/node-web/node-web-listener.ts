// Stages 1 and 6, front end, sequential: the WebSocket port on node:http and ws. It serves TLS, and machines where no
// build of uWebSockets.js loads. Frames go to the ConnectionHandler; replies come through the Connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ConnectionPermit } from '../../admission/connection-permit.ts';
import { normalizeAddress } from '../../admission/ip-address.ts';
import { MESSAGE_BYTES_MAX } from '../../limits.ts';
import type { Connection, ConnectionHandler, Listener } from '../connection.ts';
import { answerPage, connectionName, createWebServer, listenOn, pathOf, type WebServer } from '../http/http-server.ts';
import { PingRate } from '../ping-rate.ts';
import { admitUpgrade, isProxy, type WebSessions } from '../upgrade.ts';
import { BAD_REQUEST, hasSoundFraming, pageFor, WEBSOCKET_PATH, type WebSite } from '../web-site.ts';

/** WebSocket close codes, the same as with uWebSockets.js. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

/** Milliseconds that the peer has for its FIN after ours. */
const LINGER_MS = 1_000;

class NodeWebConnection implements Connection {
  readonly transport = 'ws';
  readonly permit: ConnectionPermit;
  readonly #socket: WebSocket;
  readonly #transport: Duplex;
  handler: ConnectionHandler | undefined;

  /** `transport` is the socket that carries the WebSocket. */
  constructor(socket: WebSocket, transport: Duplex, permit: ConnectionPermit) {
    this.permit = permit;
    this.#socket = socket;
    this.#transport = transport;
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
    this.fail(NORMAL_CLOSURE);
  }

  /** Sends a close frame and a FIN. ws alone would wait 30 s for the peer's close frame. */
  fail(code: number): void {
    this.#socket.close(code);
    this.#transport.end();
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

export async function listenNodeWeb(site: WebSite): Promise<Listener> {
  const { host, port, sessions, certificate } = site;
  // Replies without waiting for the body, and closes.
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    response.shouldKeepAlive = false;
    const page = isFramed(request) ? pageFor(site, request.method ?? '', pathOf(request)) : BAD_REQUEST;
    answerPage(request, response, page);
  };
  const server = createWebServer(certificate, serve);
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  acceptUpgrades(server, sessions, grantPermits(server, sessions));
  return listenOn(server, host, port);
}

/**
 * Gives each connection a permit before its first byte, TLS handshake included, and frees the permit at the close.
 * Returns a function that finds the permit of a request's socket.
 */
function grantPermits(server: WebServer, sessions: WebSessions): (socket: Socket) => ConnectionPermit | undefined {
  const { admission } = sessions;
  const permits = new Map<string, ConnectionPermit>();
  server.on('connection', (socket: Socket) => {
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    if (peer === undefined) return socket.destroy();
    const permit = isProxy(sessions, peer) ? admission.take() : admission.takeFor(peer);
    if (permit === undefined) return socket.destroy();
    const name = connectionName(socket);
    permits.set(name, permit);
    permit.evict = () => {
      permit.ended('displaced');
      socket.destroy();
    };
    socket.on('close', () => {
      permits.delete(name);
      permit.free();
    });
  });
  return (socket) => permits.get(connectionName(socket));
}

function acceptUpgrades(
  server: WebServer,
  sessions: WebSessions,
  permitOf: (socket: Socket) => ConnectionPermit | undefined,
): void {
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    clientTracking: false,
  });
  server.on('upgrade', (request, socket, head) => {
    // Without a listener an error of this socket would be thrown. 'close' follows.
    socket.on('error', () => {});
    if (!isFramed(request)) return refuse(socket, '400 Bad Request');
    if (pathOf(request) !== WEBSOCKET_PATH) return refuse(socket, '404 Not Found');
    const peer = normalizeAddress(request.socket.remoteAddress ?? '');
    const header = (name: string) => request.headersDistinct[name]?.join() ?? '';
    const permit = admitUpgrade(sessions, { peer, header }, (address) => {
      const own = permitOf(request.socket);
      return own && (own.address !== undefined || own.placeAt(address)) ? own : undefined;
    });
    if (permit === 'origin') return refuse(socket, '403 Forbidden');
    if (permit === 'silent') return socket.destroy();
    webSockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, socket, permit, sessions));
  });
}

function serve(socket: WebSocket, transport: Duplex, permit: ConnectionPermit, { accept }: WebSessions): void {
  const connection = new NodeWebConnection(socket, transport, permit);
  const handler = accept(connection);
  connection.handler = handler;
  const pings = new PingRate();
  const receive = (data: Buffer, isBinary: boolean) => {
    if (isBinary) return handler.received(data);
    socket.off('message', receive);
    connection.fail(UNSUPPORTED_DATA);
  };
  socket.on('message', receive);
  socket.on('ping', () => {
    if (!pings.allows()) socket.terminate();
  });
  // A violation of the WebSocket protocol. ws has replied to it, and 'close' follows.
  socket.on('error', () => {});
  // After our FIN, for any reason, the peer has LINGER_MS for its own.
  transport.once('finish', () => {
    const linger = setTimeout(() => socket.terminate(), LINGER_MS);
    socket.once('close', () => clearTimeout(linger));
  });
  socket.on('close', () => handler.closed());
}

function isFramed({ headersDistinct }: IncomingMessage): boolean {
  return hasSoundFraming((name) => headersDistinct[name] ?? []);
}

function refuse(socket: Duplex, status: string): void {
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}
