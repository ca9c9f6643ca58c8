// Stages 1 and 6, front end, sequential: the WebSocket port on uWebSockets.js. Frames go to the ConnectionHandler;
// replies come through the Connection. This file handles the engine's traps:
//
// - A message's buffer is valid during the callback only.
// - A connection that stays open after a reply is counted nowhere. So each HTTP reply is
//   sent in the request's callback and closes the connection.
// - Closing the listen socket leaves connections open.
import { STATUS_CODES } from 'node:http';
import type { ConnectionPermit } from '../../admission/connection-permit.ts';
import { normalizeAddress } from '../../admission/ip-address.ts';
import { MESSAGE_BYTES_MAX } from '../../limits.ts';
import { type Connection, type ConnectionHandler, ListenError, type Listener, printAddress } from '../connection.ts';
import { explainListenError } from '../listen-error.ts';
import { PingRate } from '../ping-rate.ts';
import { admitUpgrade, isProxy, type WebSessions } from '../upgrade.ts';
import {
  BAD_REQUEST,
  type HttpPage,
  hasSoundFraming,
  pageFor,
  plainReply,
  WEBSOCKET_PATH,
  type WebSite,
} from '../web-site.ts';
import { UnseatedConnections } from './unseated-connections.ts';
import { loadUws, type UwsApp, type UwsBehavior, type UwsRequest, type UwsResponse, type UwsWebSocket } from './uws.ts';

/** Unsent bytes at which the engine closes a connection. A roster of 64 is below 160 KB. */
const UNSENT_BYTES_MAX = 512 * 1024;

/** WebSocket close codes. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

const ORIGIN_NOT_ALLOWED = plainReply(403, 'origin not allowed');
const OTHER_VERSION = plainReply(426, 'WebSocket version 13 is served');

/** User data of a socket. `connection` and `handler` are set when it opens. */
interface SocketData {
  connection?: UwsConnection;
  handler?: ConnectionHandler;
  readonly permit: ConnectionPermit;
  readonly pings: PingRate;
}

class UwsConnection implements Connection {
  readonly transport = 'ws';
  readonly permit: ConnectionPermit;
  /** Undefined once closed, since uWebSockets.js throws on any use of a closed socket. */
  #socket: UwsWebSocket<SocketData> | undefined;

  constructor(socket: UwsWebSocket<SocketData>, permit: ConnectionPermit) {
    this.#socket = socket;
    this.permit = permit;
  }

  send(bytes: Uint8Array): boolean {
    return this.#socket?.send(bytes, true) === 1;
  }

  pause(): void {}

  resume(): void {}

  end(bytes?: Uint8Array): void {
    // The engine has no timeout for a close frame that it cannot write yet.
    if (bytes === undefined || !this.send(bytes)) return this.destroy();
    this.#socket?.end(NORMAL_CLOSURE);
  }

  /** Closes with a WebSocket close code. */
  fail(code: number): void {
    this.#socket?.end(code);
  }

  destroy(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** Records that the engine has closed the socket. Returns whether the engine may still wait for the peer's FIN. */
  released(): boolean {
    const mayLinger = this.#socket !== undefined;
    this.#socket = undefined;
    return mayLinger;
  }
}

export async function listenUws(site: WebSite): Promise<Listener> {
  const { host, port, sessions } = site;
  const uws = loadUws();
  if (!uws) throw new ListenError('uWebSockets.js cannot be loaded on this machine: use --web-engine node');
  const app = uws.App();
  const unseated = countUnseated(app, sessions);
  app.ws(WEBSOCKET_PATH, behavior(sessions, unseated, uws.DISABLED));
  app.any('/*', (response, request) => {
    unseated.requested(addressOf(response) ?? '');
    const method = request.getMethod().toUpperCase();
    const page = isFramed(request) ? pageFor(site, method, request.getUrl()) : BAD_REQUEST;
    answer(response, page, method === 'HEAD');
  });
  const socket = await new Promise<unknown>((resolve) => {
    app.listen(host, port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
  });
  if (!socket) throw await explainListenError(host, port);
  const bound = uws.us_socket_local_port(socket);
  let listening = true;
  return {
    address: printAddress(host, bound),
    port: bound,
    async close() {
      // A second close would touch freed memory.
      if (listening) uws.us_listen_socket_close(socket);
      listening = false;
    },
  };
}

/** Counts connections from their open on, and closes those above a bound before they send anything. */
function countUnseated(app: UwsApp, sessions: WebSessions): UnseatedConnections {
  const unseated = new UnseatedConnections(sessions.admission, (address) => isProxy(sessions, address));
  const count = (response: UwsResponse, change: number) => {
    if (change < 0) unseated.closed();
    else if (!unseated.opened(addressOf(response))) response.close();
  };
  app.filter(count);
  return unseated;
}

function addressOf(response: UwsResponse): string | undefined {
  return normalizeAddress(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'));
}

function isFramed(request: UwsRequest): boolean {
  return hasSoundFraming((name) => linesOf(request, name));
}

function behavior(sessions: WebSessions, unseated: UnseatedConnections, compression: number): UwsBehavior<SocketData> {
  return {
    maxPayloadLength: MESSAGE_BYTES_MAX,
    // The data path has its own deadlines. With 0 a peer has 4 s for its close frame, otherwise 16 s.
    idleTimeout: 0,
    maxBackpressure: UNSENT_BYTES_MAX,
    closeOnBackpressureLimit: true,
    sendPingsAutomatically: false,
    compression,
    upgrade(response, request, context) {
      upgrade(response, request, context, sessions, unseated);
    },
    open(socket) {
      const data = socket.getUserData();
      data.connection = new UwsConnection(socket, data.permit);
      data.handler = sessions.accept(data.connection);
      unseated.upgraded(data.permit);
    },
    message(socket, message, isBinary) {
      const { connection, handler } = socket.getUserData();
      if (isBinary) handler!.received(Buffer.from(new Uint8Array(message)));
      else connection!.fail(UNSUPPORTED_DATA);
    },
    drain(socket) {
      // The engine reports any progress. The peer has taken everything once nothing is buffered.
      if (socket.getBufferedAmount() === 0) socket.getUserData().handler!.drained();
    },
    ping(socket) {
      const { connection, pings } = socket.getUserData();
      if (!pings.allows()) connection!.destroy();
    },
    close(socket) {
      const { connection, handler, permit } = socket.getUserData();
      const mayLinger = connection!.released();
      handler!.closed();
      permit.free();
      unseated.ended(permit, mayLinger);
    },
  };
}

function upgrade(
  response: UwsResponse,
  request: UwsRequest,
  context: unknown,
  sessions: WebSessions,
  unseated: UnseatedConnections,
): void {
  const peer = addressOf(response);
  // From here the connection counts by its permit. Without one it counts until the close that follows.
  unseated.requested(peer ?? '');
  if (!isFramed(request)) return answer(response, BAD_REQUEST, false);
  if (request.getHeader('sec-websocket-version') !== '13') return answer(response, OTHER_VERSION, false);
  unseated.closed();
  const header = (name: string) => linesOf(request, name).join();
  const permit = admitUpgrade(sessions, { peer, header }, (address) => sessions.admission.takeFor(address));
  if (typeof permit === 'string') {
    unseated.reopened();
    if (permit === 'silent') response.close();
    else answer(response, ORIGIN_NOT_ALLOWED, false);
    return;
  }
  const key = request.getHeader('sec-websocket-key');
  response.upgrade<SocketData>({ permit, pings: new PingRate() }, key, '', '', context);
}

/** Every line of a header. getHeader returns only the first, which a stranger may have written. */
function linesOf(request: UwsRequest, wanted: string): string[] {
  const lines: string[] = [];
  request.forEach((name, value) => {
    if (name === wanted) lines.push(value);
  });
  return lines;
}

/** Replies and closes. */
function answer(response: UwsResponse, { status, type, headers = {}, body }: HttpPage, headOnly: boolean): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`).writeHeader('content-type', type);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (headOnly) endHead(response, Buffer.byteLength(body));
  else response.end(body, true);
}

/**
 * Ends a reply after its head. The engine would keep the connection open for the missing body. So this closes it after
 * the callback in which the head is written.
 */
function endHead(response: UwsResponse, bodyBytes: number): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  response.writeHeader('connection', 'close').tryEnd('', bodyBytes);
  setImmediate(() => {
    if (!isGone) response.close();
  });
}
