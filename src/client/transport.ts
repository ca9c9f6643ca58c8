// The common interface of the TCP and WebSocket transports, and the buffer of bytes they have received.
import { ProtocolError, type XlRegError } from './errors.ts';
import type { TransportName } from './target.ts';

/** A connection to a registry that carries uninterpreted bytes. */
export interface Transport {
  readonly name: TransportName;
  /** Maximum bytes of a reply on the wire. */
  readonly replyBytesMax: number;
  readonly arrivals: Arrivals;
  /** Sends one message, in one write or one frame. */
  send(bytes: Uint8Array): void;
  /** With false the connection does not keep the process alive; at first it does. */
  hold(held: boolean): void;
  /** Closes at once. Idempotent. */
  close(): void;
}

/** Maximum of buffered pieces: a TCP reply of maximum size in pieces of one block. */
const PIECES_MAX = 1_024;

/**
 * Buffer of received pieces: TCP segments, or WebSocket frames. The protocol is lock-step, so more bytes than one reply
 * are a protocol error of the registry. BOUNDED by `bytesMax` and PIECES_MAX.
 */
export class Arrivals {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #end: XlRegError | undefined;
  #taker: { resolve(piece: Uint8Array): void; reject(error: XlRegError): void } | undefined;

  /** `bytesMax` is the maximum of buffered bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** True if bytes are buffered. */
  get waiting(): boolean {
    return this.#bytes > 0;
  }

  /** Adds a piece. Returns false if the buffer is over its bound; the caller then closes the connection. */
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
    this.end(new ProtocolError('the registry sent bytes without a request'));
    return false;
  }

  /** Marks the end of the stream. Buffered pieces can still be taken. The first reason counts. */
  end(why: XlRegError): void {
    this.#end ??= why;
    this.#taker?.reject(this.#end);
    this.#taker = undefined;
  }

  /** Takes the next piece. Rejects once the buffer is empty and the connection has ended. One taker at a time. */
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
