// The connections of an HTTP listener, bounded in total and for each address. At the bound, a new connection displaces
// the one that has been idle longest, so idle strangers keep nobody out.
import type { Socket } from 'node:net';
import { addressHolder, normalizeAddress } from '../../admission/ip-address.ts';
import { connectionName } from './http-server.ts';

/** Maximum numbers of connections. */
export interface HttpConnectionBounds {
  readonly max: number;
  /** For one address; an IPv6 /64 counts as one address. */
  readonly maxPerAddress: number;
}

interface OpenConnection {
  readonly socket: Socket;
  readonly holder: string;
  /** Received requests without a complete reply; 0 while the connection is idle. */
  requests: number;
}

export class HttpConnections {
  readonly #bounds: HttpConnectionBounds;
  /** BOUNDED by `max`: connections by name, the longest idle first. */
  readonly #open = new Map<string, OpenConnection>();
  #dropped = 0;

  constructor(bounds: HttpConnectionBounds) {
    this.#bounds = bounds;
  }

  /** Number of open connections, and of those closed for a bound. */
  get counts(): { readonly open: number; readonly dropped: number } {
    return { open: this.#open.size, dropped: this.#dropped };
  }

  /** Adds a new connection, or closes it if no idle one can make room. */
  opened(socket: Socket): void {
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    // A socket whose peer is gone has no address.
    if (peer === undefined) return void socket.destroy();
    const holder = addressHolder(peer);
    if (!this.#makeRoom(holder)) {
      this.#dropped += 1;
      socket.destroy();
      return;
    }
    const name = connectionName(socket);
    this.#open.set(name, { socket, holder, requests: 0 });
    socket.on('close', () => this.#open.delete(name));
  }

  /** Counts a received request. Returns a function to call when the reply is complete. */
  beginRequest(socket: Socket): () => void {
    const name = connectionName(socket);
    const connection = this.#open.get(name);
    if (!connection) return () => {};
    connection.requests += 1;
    return () => {
      connection.requests -= 1;
      // Move it behind the connections that have been idle longer, unless it has closed.
      if (this.#open.delete(name)) this.#open.set(name, connection);
    };
  }

  /** True while a received request has no complete reply. */
  isBusy(socket: Socket): boolean {
    return (this.#open.get(connectionName(socket))?.requests ?? 0) > 0;
  }

  #makeRoom(holder: string): boolean {
    const ofAddress = [...this.#open].filter(([, connection]) => connection.holder === holder);
    if (ofAddress.length >= this.#bounds.maxPerAddress) return this.#closeIdle(ofAddress);
    return this.#open.size < this.#bounds.max || this.#closeIdle(this.#open);
  }

  /** Closes the first idle connection. Returns false if none is idle. */
  #closeIdle(connections: Iterable<[string, OpenConnection]>): boolean {
    for (const [name, { socket, requests }] of connections) {
      if (requests > 0) continue;
      this.#dropped += 1;
      this.#open.delete(name);
      socket.destroy();
      return true;
    }
    return false;
  }
}
