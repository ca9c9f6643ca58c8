// HTTP and WebSocket on uWebSockets.js. Its traps, each met here: a message's buffer is valid during the callback only;
// a request is answered during its callback, and every answer closes, because a connection that stays open behind one is
// counted nowhere; closing the listen socket leaves connections open.
import { STATUS_CODES } from 'node:http';
import type { ConnectionPermit } from '../../admission/admission.ts';
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

/** Replies that a peer has not taken, in bytes, beyond which it is cut off; a roster of 64 is below 160 KB. */
const UNSENT_BYTES_MAX = 512 * 1024;

/** WebSocket close codes: going on is impossible because of the frame's type; all is well. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

const ORIGIN_NOT_ALLOWED = plainReply(403, 'origin not allowed');
const OTHER_VERSION = plainReply(426, 'WebSocket version 13 is served');

/** What a socket carries: filled in when it opens. */
interface SocketData {
  connection?: UwsConnection;
  handler?: ConnectionHandler;
  readonly seat: ConnectionPermit;
  readonly pings: PingRate;
}

class UwsConnection implements Connection {
  readonly transport = 'ws';
  readonly permit: ConnectionPermit;
  /** Undefined once closed: uWebSockets.js throws when a closed socket is touched. */
  #socket: UwsWebSocket<SocketData> | undefined;

  constructor(socket: UwsWebSocket<SocketData>, seat: ConnectionPermit) {
    this.#socket = socket;
    this.permit = seat;
  }

  send(bytes: Uint8Array): boolean {
    return this.#socket?.send(bytes, true) === 1;
  }

  pause(): void {}

  resume(): void {}

  end(bytes?: Uint8Array): void {
    // Behind a close frame that waits to be written the engine knows no time limit.
    if (bytes === undefined || !this.send(bytes)) return this.destroy();
    this.#socket?.end(NORMAL_CLOSURE);
  }

  /** Closes with a code that says what was wrong with the frame. */
  fail(code: number): void {
    this.#socket?.end(code);
  }

  destroy(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** The socket is gone, or the engine holds it for its peer's FIN. Returns whether it may be the latter. */
  released(): boolean {
    const mayLinger = this.#socket !== undefined;
    this.#socket = undefined;
    return mayLinger;
  }
}

export async function listenUws(site: WebSite): Promise<Listener> {
  const { host, port, sessions } = site;
  const uws = loadUws();
  if (!uws) throw new ListenError('uWebSockets.js does not load here; --web-engine node does without it');
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

/** Has connections counted, and closed where they are too many, before they have sent anything. */
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
    // Deadlines are those of the data path. With none here, a peer that ignores our close has 4 s for its own, and not 16.
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
      data.connection = new UwsConnection(socket, data.seat);
      data.handler = sessions.accept(data.connection);
    },
    message(socket, message, isBinary) {
      const { connection, handler } = socket.getUserData();
      if (isBinary) handler!.received(Buffer.from(new Uint8Array(message)));
      else connection!.fail(UNSUPPORTED_DATA);
    },
    drain(socket) {
      // Told of any progress; what was sent has been taken when nothing is left.
      if (socket.getBufferedAmount() === 0) socket.getUserData().handler!.drained();
    },
    ping(socket) {
      const { connection, pings } = socket.getUserData();
      if (!pings.allows()) connection!.destroy();
    },
    close(socket) {
      const { connection, handler, seat } = socket.getUserData();
      const mayLinger = connection!.released();
      handler!.closed();
      seat.free();
      // Sessions are fewer: a Hello has its own limits.
      if (mayLinger && !seat.hasGreeted && seat.address !== undefined) unseated.lingers(seat.address);
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
  // From here on it counts by its seat, or, where it gets none, until the close that follows.
  unseated.requested(peer ?? '');
  if (!isFramed(request)) return answer(response, BAD_REQUEST, false);
  if (request.getHeader('sec-websocket-version') !== '13') return answer(response, OTHER_VERSION, false);
  unseated.closed();
  const header = (name: string) => linesOf(request, name).join();
  const seat = admitUpgrade(sessions, { peer, header }, (address) => sessions.admission.takeFor(address));
  if (typeof seat === 'string') {
    unseated.reopened();
    if (seat === 'silent') response.close();
    else answer(response, ORIGIN_NOT_ALLOWED, false);
    return;
  }
  const key = request.getHeader('sec-websocket-key');
  response.upgrade<SocketData>({ seat, pings: new PingRate() }, key, '', '', context);
}

/** Every line of a header; getHeader gives the first only, which may be a stranger's. */
function linesOf(request: UwsRequest, wanted: string): string[] {
  const lines: string[] = [];
  request.forEach((name, value) => {
    if (name === wanted) lines.push(value);
  });
  return lines;
}

/** Answers and closes. */
function answer(response: UwsResponse, { status, type, headers = {}, body }: HttpPage, headOnly: boolean): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`).writeHeader('content-type', type);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
  if (headOnly) endHead(response, Buffer.byteLength(body));
  else response.end(body, true);
}

/**
 * Ends an answer behind its head. The engine takes a body that does not come for one that is still to come and keeps the
 * connection open, so it is closed here, when the callback that writes the head is over.
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
