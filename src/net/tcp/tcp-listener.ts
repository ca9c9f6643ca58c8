// Raw TCP: the transport of the field's clients. A session is closed with a FIN, then at most `lingerTimeoutMs` of reading
// and dropping: a reset could take away from the peer a reply that it has not read yet (E3).
import { createServer, type Server, type Socket } from 'node:net';
import type { Admission, ConnectionPermit } from '../../admission/admission.ts';
import { type Networks, normalizeAddress } from '../../admission/ip-address.ts';
import {
  type AcceptConnection,
  type Connection,
  type ConnectionHandler,
  type Listener,
  printAddress,
} from '../connection.ts';
import { listenError } from '../listen-error.ts';
import { readProxyHeader } from '../proxy-header.ts';

/** Connections that the kernel holds for us until they are accepted. */
const BACKLOG = 4_096;

const NOTHING = Buffer.alloc(0);

function ignore(): void {}

class TcpConnection implements Connection {
  readonly transport = 'tcp';
  readonly permit: ConnectionPermit;
  readonly #socket: Socket;
  readonly #lingerTimeoutMs: number;
  handler: ConnectionHandler | undefined;

  constructor(socket: Socket, seat: ConnectionPermit, lingerTimeoutMs: number) {
    this.permit = seat;
    this.#socket = socket;
    this.#lingerTimeoutMs = lingerTimeoutMs;
  }

  send(bytes: Uint8Array): boolean {
    this.#socket.write(Buffer.from(bytes));
    if (this.#socket.writableLength === 0) return true;
    // Called when all before it is written; a callback of each write would cost every reply what only a slow peer's needs.
    this.#socket.write(NOTHING, () => this.handler?.drained());
    return false;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(bytes?: Uint8Array): void {
    const socket = this.#socket;
    if (bytes) socket.end(Buffer.from(bytes));
    else socket.end();
    socket.resume();
    if (socket.destroyed) return;
    const linger = setTimeout(() => socket.destroy(), this.#lingerTimeoutMs);
    socket.once('close', () => clearTimeout(linger));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** What a TCP listener needs to know. */
export interface TcpSite {
  readonly host: string;
  readonly port: number;
  readonly lingerTimeoutMs: number;
  readonly admission: Admission;
  /** Whose connections begin with a header of the PROXY protocol, and for how long it may take. */
  readonly proxies: Networks;
  readonly proxyHeaderTimeoutMs: number;
}

/** Listens on `host:port`; rejects with ListenError. */
export async function listenTcp(site: TcpSite, accept: AcceptConnection): Promise<Listener> {
  const { host, port } = site;
  // A socket that rests is not read beyond one segment: with a higher mark it would be, and each read costs.
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1 }, (socket) => {
    // What went wrong is told by 'close', which always follows.
    socket.on('error', ignore);
    // A peer that is gone already has no address.
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    if (peer === undefined) return socket.destroy();
    if (site.proxies.has(peer)) return admitProxied(socket, peer, site, accept);
    const seat = site.admission.takeFor(peer);
    if (!seat) return socket.destroy();
    serve(socket, seat, site, accept);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError('tcp', host, port, error)));
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  return { ...boundAddress(server), close: () => closeServer(server) };
}

/** Admits a connection as soon as its header has said whose it is; until then it counts in all only. */
function admitProxied(socket: Socket, peer: string, site: TcpSite, accept: AcceptConnection): void {
  const seat = site.admission.take();
  if (!seat) {
    socket.destroy();
    return;
  }
  socket.on('close', () => seat.free());
  seat.evict = () => {
    seat.ended('displaced');
    socket.destroy();
  };
  readProxyHeader(socket, site.proxyHeaderTimeoutMs, (start) => {
    if (start && seat.placeAt(start.address ?? peer)) {
      const handler = serve(socket, seat, site, accept);
      if (start.rest.length > 0) handler.received(start.rest);
      return;
    }
    // A proxy that only looks whether the port is open sends nothing.
    if (!start && socket.bytesRead > 0) seat.ended('proxy-header');
    socket.destroy();
  });
}

function serve(socket: Socket, seat: ConnectionPermit, site: TcpSite, accept: AcceptConnection): ConnectionHandler {
  const connection = new TcpConnection(socket, seat, site.lingerTimeoutMs);
  const handler = accept(connection);
  connection.handler = handler;
  socket.on('data', (chunk) => handler.received(chunk));
  socket.on('end', () => handler.peerEnded());
  socket.on('close', () => {
    handler.closed();
    seat.free();
  });
  return handler;
}

/** Where a server has been bound. */
export function boundAddress(server: Server): { address: string; port: number } {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not bound to a port');
  return { address: printAddress(bound.address, bound.port), port: bound.port };
}

/** Stops accepting without waiting for the connections there are. */
async function closeServer(server: Server): Promise<void> {
  server.close();
}
