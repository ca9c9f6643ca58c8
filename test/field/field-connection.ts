// A bare connection of a test's client to a registry, over TCP or WebSocket: bytes out, cut anywhere, bytes in, and how it
// ended. The dialects' clients build on it.

import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ClientOptions, WebSocket } from 'ws';

/** The protocol that carries the bytes. */
export type Transport = 'tcp' | 'ws';

/** The address to connect to, and how to behave. */
export interface ConnectionOptions {
  readonly transport: Transport;
  readonly port: number;
  readonly host?: string;
  /** The address to connect from (all of 127.0.0.0/8 is the loopback). */
  readonly localAddress?: string;
  /** Bound of each wait in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  /** TCP: keep our side open after the registry's FIN, to test how it ends an idle peer. */
  readonly keepOpenAfterFin?: boolean;
  /** WebSocket: the path; `/xlreg` by default. */
  readonly path?: string;
  /** WebSocket: with TLS or without; `ws` by default. */
  readonly scheme?: 'ws' | 'wss';
  /** WebSocket: options for the `ws` package (headers, origin, …). */
  readonly ws?: ClientOptions;
}

/** An open socket; for WebSocket, upgraded. */
export interface OpenSocket {
  readonly socket: Socket;
  readonly ws: WebSocket | undefined;
}

/** How a connection ended, and the bytes after the last reply that was read. */
export interface Closed {
  readonly kind: 'fin' | 'rst' | 'ws-close';
  /** The WebSocket close code; 1006 if the socket ended without a close frame. */
  readonly wsCode?: number;
  readonly bytes: Buffer;
}

/** The connection ended before the awaited reply. */
export class ClosedEarly extends Error {
  override readonly name = 'ClosedEarly';
  readonly closed: Closed;

  constructor(what: string, closed: Closed) {
    const code = closed.wsCode === undefined ? '' : ` ${closed.wsCode}`;
    super(`closed (${closed.kind}${code}, ${closed.bytes.length} bytes unread) while waiting for ${what}`);
    this.closed = closed;
  }
}

/** The registry answered a WebSocket upgrade with another HTTP status. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly statusCode: number;

  constructor(statusCode: number) {
    super(`upgrade refused with status ${statusCode}`);
    this.statusCode = statusCode;
  }
}

/** One connection to a registry. */
export class FieldConnection {
  readonly transport: Transport;
  /** The socket underneath, on either transport. */
  readonly socket: Socket;
  /** The WebSocket, where there is one. */
  readonly ws: WebSocket | undefined;
  /** Received and not yet read: reads on TCP, whole messages on WebSocket. */
  protected readonly inbox: Buffer[] = [];
  readonly #timeoutMs: number;
  readonly #keepOpenAfterFin: boolean;
  readonly #wakers = new Set<() => void>();
  #end: { kind: Closed['kind']; wsCode?: number } | undefined;
  #failure: Error | undefined;

  protected constructor(options: ConnectionOptions, { socket, ws }: OpenSocket) {
    this.transport = options.transport;
    this.socket = socket;
    this.ws = ws;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#keepOpenAfterFin = options.keepOpenAfterFin ?? false;
    if (ws === undefined) this.#listenToSocket();
    else this.#listenToWebSocket(ws);
  }

  /**
   * Opens a socket, for WebSocket with the upgrade, and gives it to `make` before the first byte arrives. Rejects with
   * UpgradeRefused.
   */
  protected static async connect<C>(options: ConnectionOptions, make: (open: OpenSocket) => C): Promise<C> {
    const { port, host = '127.0.0.1', localAddress, timeoutMs = 10_000 } = options;
    const signal = AbortSignal.timeout(timeoutMs);
    const from = localAddress === undefined ? {} : { localAddress };
    if (options.transport === 'tcp') {
      const socket = createConnection({ port, host, noDelay: true, allowHalfOpen: true, ...from });
      await once(socket, 'connect', { signal }).catch((error: unknown) => {
        socket.destroy();
        throw error;
      });
      return make({ socket, ws: undefined });
    }
    const ws = new WebSocket(`${options.scheme ?? 'ws'}://${host}:${port}${options.path ?? '/xlreg'}`, {
      perMessageDeflate: false,
      ...from,
      ...options.ws,
    });
    // 'upgrade' comes before 'open'. The client is made there, so that it listens before the first byte.
    return await new Promise<C>((resolve, reject) => {
      let client: C | undefined;
      ws.once('upgrade', ({ socket }) => {
        socket.setNoDelay(true);
        client = make({ socket, ws });
      });
      ws.once('open', () => resolve(client!));
      ws.once('unexpected-response', (request, response) => {
        reject(new UpgradeRefused(response.statusCode ?? 0));
        request.destroy();
      });
      ws.on('error', reject);
      signal.addEventListener('abort', () => {
        if (client === undefined) ws.terminate();
        reject(signal.reason);
      });
    });
  }

  // ---- bytes

  /**
   * Sends bytes as one write on TCP or one binary frame on WebSocket. Resolves when the system has them or the
   * connection has ended; the next receive or waitClosed reports the end.
   */
  sendRaw(bytes: Uint8Array): Promise<void> {
    const { ws } = this;
    if (ws === undefined) return this.sendUnder(bytes);
    return new Promise((resolve) => ws.send(bytes, { binary: true }, () => resolve()));
  }

  /** Writes bytes to the socket itself; on WebSocket, the test's own frames. */
  sendUnder(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /**
   * Sends bytes in pieces, cut at these offsets or after every byte. Each piece gets its own segment, as far as the
   * system allows: it waits until the previous one is written and the event loop has turned. On WebSocket the pieces
   * are fragments of one message.
   */
  async sendCut(bytes: Uint8Array, cuts: readonly number[] | 'every'): Promise<void> {
    const offsets = cuts === 'every' ? Array.from(bytes.keys()).slice(1) : [...new Set(cuts)];
    const inside = offsets.filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
    const bounds = [0, ...inside, bytes.length];
    for (let i = 1; i < bounds.length && this.#end === undefined; i++) {
      const piece = bytes.subarray(bounds[i - 1]!, bounds[i]!);
      if (this.ws === undefined) await this.sendRaw(piece);
      else await this.#sendFragment(this.ws, piece, i === bounds.length - 1);
      await nextTurn();
    }
  }

  #sendFragment(ws: WebSocket, piece: Uint8Array, fin: boolean): Promise<void> {
    return new Promise((resolve) => ws.send(piece, { binary: true, fin }, () => resolve()));
  }

  // ---- ends

  /** Waits for the end of the registry's side. `bytes` are those after the last reply read; a silent close has none. */
  async waitClosed(timeoutMs?: number): Promise<Closed> {
    return await this.until('the close', timeoutMs, () => this.#closed(), true);
  }

  /** Ends our side only and goes on reading: a FIN, on WebSocket without a close frame. */
  halfClose(): void {
    this.socket.end();
  }

  /** Ends the connection with an RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Stops reading until `resume`, so that the registry's writes fill the window. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Destroys the socket; may be called at any time, repeatedly. */
  close(): void {
    this.ws?.terminate();
    this.socket.destroy();
  }

  // ---- inside

  #listenToSocket(): void {
    this.socket.on('data', (bytes: Buffer) => {
      this.inbox.push(bytes);
      this.#wake();
    });
    this.socket.on('end', () => {
      this.#ended({ kind: 'fin' });
      if (!this.#keepOpenAfterFin) this.socket.end();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') this.#ended({ kind: 'rst' });
      else this.#failed(error);
    });
    this.socket.on('close', () => this.#failed(new Error('the test closed the socket')));
  }

  #listenToWebSocket(ws: WebSocket): void {
    ws.on('message', (data, isBinary) => {
      if (!isBinary) this.#failed(new Error('the registry sent a text frame'));
      this.inbox.push(data as Buffer);
      this.#wake();
    });
    ws.on('error', (error) => this.#failed(error));
    ws.on('close', (wsCode) => this.#ended({ kind: 'ws-close', wsCode }));
  }

  #ended(end: { kind: Closed['kind']; wsCode?: number }): void {
    if (this.#failure === undefined) this.#end ??= end;
    this.#wake();
  }

  #failed(failure: Error): void {
    if (this.#end === undefined) this.#failure ??= failure;
    this.#wake();
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker();
  }

  #closed(): Closed | undefined {
    return this.#end === undefined ? undefined : { ...this.#end, bytes: Buffer.concat(this.inbox) };
  }

  /** Resolves with the result of `ready`, which is called again at each event. */
  protected until<T>(
    what: string,
    timeoutMs: number | undefined,
    ready: () => T | undefined,
    atEnd = false,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const limit = timeoutMs ?? this.#timeoutMs;
      const settle = (give: () => void): void => {
        clearTimeout(timer);
        this.#wakers.delete(look);
        give();
      };
      const timer = setTimeout(() => {
        const unread = this.inbox.reduce((sum, { length }) => sum + length, 0);
        settle(() => reject(new Error(`${what} did not come within ${limit} ms (${unread} bytes unread)`)));
      }, limit);
      const look = (): void => {
        try {
          const found = ready();
          const closed = this.#closed();
          if (found !== undefined) settle(() => resolve(found));
          else if (closed !== undefined && !atEnd) settle(() => reject(new ClosedEarly(what, closed)));
          else if (this.#failure !== undefined) throw this.#failure;
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#wakers.add(look);
      look();
    });
  }
}
