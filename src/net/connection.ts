// Stages 1 and 6, front end, sequential: the interface between listeners and served connections. It hides from the data
// path which listener carries a connection.
import type { ConnectionPermit } from '../admission/connection-permit.ts';

/** One peer's connection. */
export interface Connection {
  readonly transport: 'tcp' | 'ws';
  /** The connection's permit, which knows its address. The listener frees it. */
  readonly permit: ConnectionPermit;
  /**
   * Sends one reply in one write. Returns false if the peer has not taken the whole reply; `drained` follows then. The
   * caller may reuse the memory of `bytes` after the call.
   */
  send(bytes: Uint8Array): boolean;
  /** Stops reading from the peer. A listener without this ability ignores it. */
  pause(): void;
  /** Reads from the peer again. */
  resume(): void;
  /**
   * Sends a last reply and closes in order. Without a reply it is a silent close (E1). The caller may reuse the memory
   * of `bytes` after the call.
   */
  end(bytes?: Uint8Array): void;
  /** Closes at once and drops unsent bytes. */
  destroy(): void;
}

/** Receives the events of a connection. None follows `closed`. */
export interface ConnectionHandler {
  /** Bytes from the peer: any number on TCP, one frame on WebSocket. The handler owns their memory. */
  received(bytes: Uint8Array): void;
  /** The peer has taken everything that was sent. */
  drained(): void;
  /** The peer will send no more, but still reads (TCP only). */
  peerEnded(): void;
  /** The connection is gone. */
  closed(): void;
}

/** Called for each new connection. */
export type AcceptConnection = (connection: Connection) => ConnectionHandler;

/** A bound listener. */
export interface Listener {
  /** The bound `host:port`; IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  /** Stops accepting and keeps open connections. Idempotent. */
  close(): Promise<void>;
}

/** A listener could not be bound. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** True if a later attempt may succeed, as when another process has the port. */
  readonly mayPass: boolean;

  constructor(message: string, mayPass = false) {
    super(message);
    this.mayPass = mayPass;
  }
}

/** `host:port`, with brackets around IPv6. */
export function printAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
