// HTTP and WebSocket on uWebSockets.js. Its traps, each met here: a message's buffer is valid during the callback only;
// a response must not be touched after its request was aborted; closing the listen socket leaves connections open.
import { STATUS_CODES } from 'node:http';
import type { Seat } from '../admission/admission.ts';
import { normalizeAddress } from '../admission/ip-address.ts';
import { HTTP_BODY_BYTES_MAX, MESSAGE_BYTES_MAX } from '../limits.ts';
import { type Connection, type ConnectionHandler, ListenError, type Listener, printAddress } from './connection.ts';
import { explainListenError } from './listen-error.ts';
import { PingRate } from './ping-rate.ts';
import { UnseatedConnections } from './unseated-connections.ts';
import { admitUpgrade, isProxy, type WebSessions } from './upgrade.ts';
import { loadUws, type UwsApp, type UwsBehavior, type UwsRequest, type UwsResponse, type UwsWebSocket } from './uws.ts';
import {
  type HttpReply,
  type HttpRoutes,
  type ReplyStream,
  routeRequest,
  TOO_LARGE,
  WEBSOCKET_PATH,
  type WebSite,
} from './web-site.ts';

/** Replies that a peer has not taken, in bytes, beyond which it is cut off; a roster of 64 is below 160 KB. */
const UNSENT_BYTES_MAX = 512 * 1024;

/** WebSocket close codes: going on is impossible because of the frame's type; all is well. */
const UNSUPPORTED_DATA = 1003;
const NORMAL_CLOSURE = 1000;

const ORIGIN_NOT_ALLOWED: HttpReply = { status: 403, type: 'text/plain', body: 'origin not allowed\n' };
const OTHER_VERSION: HttpReply = { status: 426, type: 'text/plain', body: 'WebSocket version 13 is served\n' };

/** What a socket carries: filled in when it opens. */
interface SocketData {
  connection?: UwsConnection;
  handler?: ConnectionHandler;
  readonly seat: Seat;
  readonly pings: PingRate;
}

class UwsConnection implements Connection {
  readonly transport = 'ws';
  readonly seat: Seat;
  /** Undefined once closed: uWebSockets.js throws when a closed socket is touched. */
  #socket: UwsWebSocket<SocketData> | undefined;

  constructor(socket: UwsWebSocket<SocketData>, seat: Seat) {
    this.#socket = socket;
    this.seat = seat;
  }

  send(bytes: Uint8Array): boolean {
    return this.#socket?.send(bytes, true) === 1;
  }

  pause(): void {}

  resume(): void {}

  end(bytes?: Uint8Array): void {
    if (bytes === undefined) return this.destroy();
    this.#socket?.send(bytes, true);
    this.#socket?.end(NORMAL_CLOSURE);
  }

  /** Closes with a code that says what was wrong with the frame. */
  fail(code: number): void {
    this.#socket?.end(code);
  }

  destroy(): void {
    this.#socket?.close();
  }

  released(): void {
    this.#socket = undefined;
  }
}

export async function listenUws({ host, port, routes, sessions }: WebSite): Promise<Listener> {
  const uws = loadUws();
  if (!uws) throw new ListenError('uWebSockets.js does not load here; --web-engine node does without it');
  const app = uws.App();
  const unseated = sessions && countUnseated(app, sessions);
  if (sessions) app.ws(WEBSOCKET_PATH, behavior(sessions, unseated!, uws.DISABLED));
  app.any('/*', (response, request) => serveHttp(response, request, routes, unseated));
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

/** Where connections are counted they are closed behind their answer. */
function serveHttp(
  response: UwsResponse,
  request: UwsRequest,
  routes: HttpRoutes,
  unseated: UnseatedConnections | undefined,
): void {
  const letGo = unseated?.requested(addressOf(response) ?? '');
  let gone = false;
  let readerGone = () => {};
  response.onAborted(() => {
    letGo?.();
    gone = true;
    readerGone();
  });
  // The request is valid during this call only.
  const method = request.getMethod().toUpperCase();
  const [path, query] = [request.getUrl(), new URLSearchParams(request.getQuery() ?? '')];
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    headers.set(name, headers.has(name) ? `${headers.get(name)},${value}` : value);
  });
  const header = (name: string) => headers.get(name) ?? '';
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.onData(async (chunk, isLast) => {
    bytes += chunk.byteLength;
    if (bytes > HTTP_BODY_BYTES_MAX) {
      if (gone) return;
      letGo?.();
      response.cork(() => answer(response, TOO_LARGE, false, true));
      gone = true;
      return;
    }
    chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (!isLast || gone) return;
    const reply = await routeRequest(routes, { method, path, query, header, body: Buffer.concat(chunks) });
    if (gone) return;
    letGo?.();
    response.cork(() => answer(response, reply, method === 'HEAD', unseated !== undefined));
    if (reply.stream && method !== 'HEAD') readerGone = reply.stream(new UwsReplyStream(response, () => gone));
  });
}

class UwsReplyStream implements ReplyStream {
  readonly #response: UwsResponse;
  readonly #gone: () => boolean;
  #taken = true;
  #ended = false;

  constructor(response: UwsResponse, gone: () => boolean) {
    this.#response = response;
    this.#gone = gone;
    response.onWritable(() => {
      this.#taken = true;
      return true;
    });
  }

  write(text: string): boolean {
    if (this.#over || !this.#taken) return false;
    this.#response.cork(() => {
      this.#taken = this.#response.write(text);
    });
    return true;
  }

  end(): void {
    if (!this.#over) this.#response.cork(() => this.#response.end('', true));
    this.#ended = true;
  }

  destroy(): void {
    if (!this.#over) this.#response.close();
    this.#ended = true;
  }

  /** From then on the response must not be touched. */
  get #over(): boolean {
    return this.#ended || this.#gone();
  }
}

function behavior(sessions: WebSessions, unseated: UnseatedConnections, compression: number): UwsBehavior<SocketData> {
  return {
    maxPayloadLength: MESSAGE_BYTES_MAX,
    // Deadlines are those of the data path; this one, the longest there is, in seconds, is for a peer that ignores our close.
    idleTimeout: 960,
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
      if (!socket.getUserData().pings.allows()) socket.close();
    },
    close(socket) {
      const { connection, handler, seat } = socket.getUserData();
      connection!.released();
      handler!.closed();
      seat.free();
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
  unseated.requested(peer ?? '')();
  unseated.closed();
  const isWebSocket = request.getHeader('sec-websocket-version') === '13';
  const header = (name: string) => allLines(request, name);
  const seat = isWebSocket
    ? admitUpgrade(sessions, { peer, header }, (address) => sessions.admission.takeFor(address))
    : 'version';
  if (typeof seat === 'string') {
    unseated.reopened();
    if (seat === 'silent') response.close();
    else if (seat === 'origin') answer(response, ORIGIN_NOT_ALLOWED, false, true);
    else answer(response, OTHER_VERSION, false, true);
    return;
  }
  const key = request.getHeader('sec-websocket-key');
  response.upgrade<SocketData>({ seat, pings: new PingRate() }, key, '', '', context);
}

/** getHeader gives the first line of a header only, which may be a stranger's. */
function allLines(request: UwsRequest, name: string): string {
  const lines: string[] = [];
  request.forEach((key, value) => {
    if (key === name) lines.push(value);
  });
  return lines.join();
}

function answer(response: UwsResponse, reply: HttpReply, headOnly: boolean, close = false): void {
  writeHead(response, reply);
  if (reply.stream) {
    if (headOnly) response.endWithoutBody();
    else if (reply.body) response.write(reply.body);
  } else if (headOnly) response.endWithoutBody(Buffer.byteLength(reply.body));
  else response.end(reply.body, close);
}

function writeHead(response: UwsResponse, { status, type, headers = {} }: HttpReply): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`).writeHeader('content-type', type);
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
}
