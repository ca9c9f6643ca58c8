// The connections of an HTTP listener that strangers may reach: bounded in all and for each address. A new connection always
// finds room: the one that has been idle for longest is closed for it, so that idle strangers keep nobody out.
import type { Socket } from 'node:net';
import { addressHolder, normalizeAddress } from '../../admission/ip-address.ts';
import { connectionName } from './http-server.ts';

/** How many connections there may be. */
export interface HttpConnectionBounds {
  readonly max: number;
  /** Of one address; an IPv6 /64 counts as one. */
  readonly maxPerAddress: number;
}

interface OpenConnection {
  readonly socket: Socket;
  readonly holder: string;
  /** Whole requests that are being answered: a connection with one is not idle. */
  requests: number;
}

export class HttpConnections {
  readonly #bounds: HttpConnectionBounds;
  /** By name, the one without a request for longest first. */
  readonly #open = new Map<string, OpenConnection>();
  #dropped = 0;

  constructor(bounds: HttpConnectionBounds) {
    this.#bounds = bounds;
  }

  /** Connections there are, and how many were closed because there were too many. */
  get counts(): { readonly open: number; readonly dropped: number } {
    return { open: this.#open.size, dropped: this.#dropped };
  }

  /** Takes in a new connection, or closes it where nothing idle can make room. */
  opened(socket: Socket): void {
    const peer = normalizeAddress(socket.remoteAddress ?? '');
    // A peer that is gone already has no address.
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

  /** A whole request has come on a connection. Returns what to call when it is answered. */
  beginRequest(socket: Socket): () => void {
    const name = connectionName(socket);
    const connection = this.#open.get(name);
    if (!connection) return () => {};
    connection.requests += 1;
    return () => {
      connection.requests -= 1;
      // It goes behind those that have been idle for longer, unless it is gone.
      if (this.#open.delete(name)) this.#open.set(name, connection);
    };
  }

  #makeRoom(holder: string): boolean {
    const ofAddress = [...this.#open].filter(([, connection]) => connection.holder === holder);
    if (ofAddress.length >= this.#bounds.maxPerAddress) return this.#closeIdle(ofAddress);
    return this.#open.size < this.#bounds.max || this.#closeIdle(this.#open);
  }

  /** Closes the first that is idle; false if there is none. */
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
