// Reads the few bytes of a handshake from a socket before a stream takes the connection over.
import type { Socket } from 'node:net';

/** The connection ended or failed before the awaited bytes. */
export class ReadEnded extends Error {
  override readonly name = 'ReadEnded';
}

/** Waits for exact numbers of bytes. Holds what came behind them, at most one read of the socket. */
export class ByteReader {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #waiting: { readonly count: number; resolve(bytes: Buffer): void; reject(error: Error): void } | undefined;

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#settle();
  };
  readonly #onEnd = (): void => {
    this.#waiting?.reject(new ReadEnded('the connection ended during the handshake'));
    this.#waiting = undefined;
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData);
    for (const event of ['end', 'close'] as const) socket.on(event, this.#onEnd);
  }

  /** Resolves with the next `count` bytes; rejects with ReadEnded. One call at a time. */
  take(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { count, resolve, reject };
      if (this.#socket.readableEnded || this.#socket.destroyed) this.#onEnd();
      else this.#settle();
    });
  }

  /** Stops reading and returns the bytes that nobody took. The socket is paused. */
  release(): Buffer {
    this.#socket.pause();
    this.#socket.off('data', this.#onData);
    for (const event of ['end', 'close'] as const) this.#socket.off(event, this.#onEnd);
    return this.#bytes;
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    if (this.#bytes.length < waiting.count) {
      this.#socket.resume();
      return;
    }
    // No more than the awaited bytes are wanted: a peer that sends on is held back by TCP.
    this.#socket.pause();
    this.#waiting = undefined;
    const taken = this.#bytes.subarray(0, waiting.count);
    this.#bytes = this.#bytes.subarray(waiting.count);
    waiting.resolve(taken);
  }
}
