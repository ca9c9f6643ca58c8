// What the two transports promise of a connection, and what has arrived on it and waits to be taken.
import { ProtocolError, type XlRegError } from './errors.ts';
import type { TransportName } from './target.ts';

/** A connection to a registry, before any meaning of its bytes. */
export interface Transport {
  readonly name: TransportName;
  /** Bytes a reply may have on the wire. */
  readonly replyBytesMax: number;
  readonly arrivals: Arrivals;
  /** Sends one message, in one write or one frame. */
  send(bytes: Uint8Array): void;
  /** Closes at once; harmless when closed already. */
  close(): void;
}

/** Pieces that may wait: a TCP reply of the longest kind in pieces of one block each. */
const PIECES_MAX = 1_024;

/**
 * Pieces that have arrived: on TCP as they came, on WebSocket a frame each. The protocol is lock-step, so that more than
 * one reply's bytes waiting is a fault of the registry.
 */
export class Arrivals {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #end: XlRegError | undefined;
  #taker: { resolve(piece: Uint8Array): void; reject(error: XlRegError): void } | undefined;

  /** `bytesMax`: how much may wait. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether something waits. */
  get waiting(): boolean {
    return this.#bytes > 0;
  }

  /** Adds a piece; false if that is more than may wait, and the connection is to be closed. */
  add(piece: Uint8Array): boolean {
    if (this.#end !== undefined) return true;
    if (this.#taker) {
      this.#taker.resolve(piece);
      this.#taker = undefined;
      return true;
    }
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes <= this.#bytesMax && this.#pieces.length <= PIECES_MAX) return true;
    this.end(new ProtocolError('the registry sends without being asked'));
    return false;
  }

  /** Nothing more will arrive, and why. What waits can still be taken; the first reason counts. */
  end(why: XlRegError): void {
    this.#end ??= why;
    this.#taker?.reject(this.#end);
    this.#taker = undefined;
  }

  /** The next piece; rejects once there are none left and the connection has ended. One taker at a time. */
  take(): Promise<Uint8Array> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#bytes -= piece.length;
      return Promise.resolve(piece);
    }
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }
}
