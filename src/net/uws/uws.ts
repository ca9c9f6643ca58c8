// Loads the native build of uWebSockets.js for the running Node major, and declares types for the used part of its API.
import { createRequire } from 'node:module';

export interface UwsRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string;
  getHeader(name: string): string;
  /** Calls `each` with every header line, names in lower case. */
  forEach(each: (name: string, value: string) => void): void;
}

export interface UwsResponse {
  /** Latin-1 text, valid until the next await. */
  getRemoteAddressAsText(): ArrayBuffer;
  /** Drops the connection. */
  close(): void;
  /** Calls `handler` when the connection closes before the reply is complete. The response is unusable from then on. */
  onAborted(handler: () => void): UwsResponse;
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string): UwsResponse;
  end(body: string, closeConnection: boolean): UwsResponse;
  /** Sends a piece of a body of `totalSize` bytes. */
  tryEnd(piece: string, totalSize: number): [sent: boolean, done: boolean];
  upgrade<T>(userData: T, key: string, protocol: string, extensions: string, context: unknown): void;
}

export interface UwsWebSocket<T> {
  getUserData(): T;
  /** 1 sent, 0 buffered, 2 dropped. */
  send(message: Uint8Array, isBinary: boolean): number;
  /** Sends a close frame and a FIN, and calls `close`. The connection stays until the peer's FIN, for at most 4 s. */
  end(code?: number, message?: string): void;
  close(): void;
  getBufferedAmount(): number;
}

export interface UwsBehavior<T> {
  maxPayloadLength: number;
  idleTimeout: number;
  maxBackpressure: number;
  closeOnBackpressureLimit: boolean;
  sendPingsAutomatically: boolean;
  compression: number;
  upgrade(response: UwsResponse, request: UwsRequest, context: unknown): void;
  open(socket: UwsWebSocket<T>): void;
  message(socket: UwsWebSocket<T>, message: ArrayBuffer, isBinary: boolean): void;
  drain(socket: UwsWebSocket<T>): void;
  ping(socket: UwsWebSocket<T>): void;
  close(socket: UwsWebSocket<T>): void;
}

export interface UwsApp {
  ws<T>(pattern: string, behavior: UwsBehavior<T>): UwsApp;
  /** `change` is 1 for an open, -1 for a close, which has no address. An upgrade is not a close. */
  filter(handler: (response: UwsResponse, change: number) => void): UwsApp;
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): UwsApp;
  listen(host: string, port: number, options: number, done: (socket: unknown) => void): UwsApp;
}

export interface Uws {
  App(): UwsApp;
  readonly DISABLED: number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  us_listen_socket_close(socket: unknown): void;
  us_socket_local_port(socket: unknown): number;
}

let loaded: Uws | null | undefined;

/** The module; null if no build loads, as on another platform, another Node or an older libc. */
export function loadUws(): Uws | null {
  if (loaded !== undefined) return loaded;
  const major = process.versions.node.split('.')[0];
  try {
    loaded = createRequire(import.meta.url)(`@uwsjs/${process.platform}-${process.arch}-${major}`) as Uws;
  } catch {
    loaded = null;
  }
  return loaded;
}
