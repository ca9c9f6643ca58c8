// Stages 1 and 6, front end, sequential: raw TCP, the transport of the field's clients. Segments go to the
// ConnectionHandler; replies come through the Connection. The server closes with a FIN, then reads and drops bytes for
// at most `lingerTimeoutMs`: a reset could destroy a reply that the peer has not read yet (E3).
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import type { Admission } from '../../admission/admission.ts';
import type { ConnectionPermit } from '../../admission/connection-permit.ts';
import { addressHolder, Networks, normalizeAddress } from '../../admission/ip-address.ts';
import {
  type AcceptConnection,
  type Connection,
  type ConnectionHandler,
  type Listener,
  printAddress,
} from '../connection.ts';
import { listenError } from '../listen-error.ts';
import { readProxyHeader } from '../proxy-header.ts';

/** Connections that wait in the kernel until they are accepted. */
const BACKLOG = 4_096;

const NOTHING = Buffer.alloc(0);

function ignore(): void {}

class TcpConnection implements Connection {
  readonly transport = 'tcp';
  readonly permit: ConnectionPermit;
  readonly #socket: Socket;
  readonly #lingerTimeoutMs: number;
  handler: ConnectionHandler | undefined;

  constructor(socket: Socket, permit: ConnectionPermit, lingerTimeoutMs: number) {
    this.permit = permit;
    this.#socket = socket;
    this.#lingerTimeoutMs = lingerTimeoutMs;
  }

  send(bytes: Uint8Array): boolean {
    this.#socket.write(Buffer.from(bytes));
    if (this.#socket.writableLength === 0) return true;
    // Its callback runs when everything before it is written. Only slow peers pay for a callback this way.
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

/** Settings of a TCP port. They can be sent to a thread. */
export interface TcpPort {
  readonly host: string;
  readonly port: number;
  readonly lingerTimeoutMs: number;
  /** CIDRs of addresses whose connections begin with a header of the PROXY protocol. */
  readonly proxies: readonly string[];
  /** Milliseconds that this header may take. */
  readonly proxyHeaderTimeoutMs: number;
  /** True if other listeners of the process share the port. holdPort() keeps it from other processes. */
  readonly isShared: boolean;
}

/** A listener's port, with the parts that its connections need. */
interface TcpSite extends Omit<TcpPort, 'proxies'> {
  readonly admission: Admission;
  readonly proxies: Networks;
}

/** With `reusePort`, which the types of Node 20 lack. */
export type SharedListenOptions = ListenOptions & { readonly reusePort?: boolean };

/** Listens on `tcp.host:tcp.port`; rejects with ListenError. */
export async function listenTcp(tcp: TcpPort, admission: Admission, accept: AcceptConnection): Promise<Listener> {
  const { host, port } = tcp;
  const site: TcpSite = { ...tcp, admission, proxies: new Networks(tcp.proxies) };
  // With a mark of 1, Node reads a paused socket once at most. A higher mark would cost further reads.
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 1 }, (socket) => {
    // 'close' always follows an error.
    socket.on('error', ignore);
    // A socket whose peer is gone has no address.
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    if (peer === undefined) return socket.destroy();
    if (site.proxies.has(peer)) return admitProxied(socket, peer, site, accept);
    const permit = site.admission.takeFor(peer);
    if (!permit) return socket.destroy();
    serve(socket, permit, site, accept);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError('tcp', host, port, error)));
    const options: SharedListenOptions = { host, port, backlog: BACKLOG, ...(site.isShared && { reusePort: true }) };
    server.listen(options, resolve);
  });
  return { ...boundAddress(server), close: () => closeServer(server) };
}

/** Admits a proxied connection by the address in its header. Until then it counts for the total only. */
function admitProxied(socket: Socket, peer: string, site: TcpSite, accept: AcceptConnection): void {
  const permit = site.admission.take();
  if (!permit) {
    socket.destroy();
    return;
  }
  socket.on('close', () => permit.free());
  permit.evict = () => {
    permit.ended('displaced');
    socket.destroy();
  };
  readProxyHeader(socket, site.proxyHeaderTimeoutMs, (start) => {
    if (start && permit.placeAt(start.address ?? peer)) {
      const handler = serve(socket, permit, site, accept);
      if (start.rest.length > 0) handler.received(start.rest);
      return;
    }
    // A proxy's health check sends nothing. It is not a fault.
    if (!start && socket.bytesRead > 0) site.admission.turnedAway('proxy-header', addressHolder(peer));
    socket.destroy();
  });
}

function serve(socket: Socket, permit: ConnectionPermit, site: TcpSite, accept: AcceptConnection): ConnectionHandler {
  const connection = new TcpConnection(socket, permit, site.lingerTimeoutMs);
  const handler = accept(connection);
  connection.handler = handler;
  socket.on('data', (chunk) => handler.received(chunk));
  socket.on('end', () => handler.peerEnded());
  socket.on('close', () => {
    handler.closed();
    permit.free();
  });
  return handler;
}

/** The address and port of a bound server. */
export function boundAddress(server: Server): { address: string; port: number } {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is not bound to a port');
  return { address: printAddress(bound.address, bound.port), port: bound.port };
}

/** Stops accepting. Does not wait for open connections. */
async function closeServer(server: Server): Promise<void> {
  server.close();
}
