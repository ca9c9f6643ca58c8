// What both front ends promise of a connection, so that the data path does not know which one it serves.

import type { ConnectionPermit } from '../admission/admission.ts';

/** One peer's connection. */
export interface Connection {
  readonly transport: 'tcp' | 'ws';
  /** Its place among all, from which its address can be had. The front end frees it. */
  readonly permit: ConnectionPermit;
  /**
   * Sends one reply in one write; false if the peer has not taken it yet: `drained` follows. The bytes, here and below, may be
   * anything else after the call.
   */
  send(bytes: Uint8Array): boolean;
  /** Stops and resumes taking bytes from the peer; a front end that cannot, ignores it. */
  pause(): void;
  resume(): void;
  /** Sends a last reply, if there is one, and closes in order; without one the close is silent (E1). */
  end(bytes?: Uint8Array): void;
  /** Closes now, with whatever is still under way. */
  destroy(): void;
}

/** What a front end tells of a connection. Nothing is told after `closed`. */
export interface ConnectionHandler {
  /** Bytes from the peer, the handler's from now on: on TCP whatever arrived, on WebSocket one frame. */
  received(bytes: Uint8Array): void;
  /** What was sent has been taken. */
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
  /** `host:port` as bound; IPv6 in brackets. */
  readonly address: string;
  readonly port: number;
  /** Stops accepting; connections stay. May be called again. */
  close(): Promise<void>;
}

/** A listener could not be bound. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** Whether time may mend it, as where somebody else has the port. */
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
