// Binary messages over a WebSocket, in order: what comes waits for who asks.

import { ProtocolError, RegistryUnreachable } from '../client/errors.ts';
import type { Bytes } from './bytes.ts';

/** Messages that wait unread at most: replies to what was asked, so few. */
const WAITING_MAX = 64;
/** Bytes of a message at most (frames of the dialect have 65,535). */
const MESSAGE_BYTES_MAX = 65_535;

/** One WebSocket connection. */
export class MessageSocket {
  readonly #socket: WebSocket;
  readonly #waiting: Bytes[] = [];
  #end: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = () => this.#over(new RegistryUnreachable('the connection was cut'));
  }

  /** Connects within `timeoutMs`. Rejects with RegistryUnreachable. */
  static open(url: string, timeoutMs: number): Promise<MessageSocket> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      const fail = () => {
        clearTimeout(timer);
        socket.close();
        reject(new RegistryUnreachable(`no WebSocket connection to ${url}`));
      };
      const timer = setTimeout(fail, timeoutMs);
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new MessageSocket(socket));
      };
    });
  }

  send(bytes: Bytes): void {
    this.#socket.send(bytes);
  }

  /** The next message. Rejects with RegistryUnreachable once the connection is over or `timeoutMs` has passed. */
  async next(timeoutMs: number): Promise<Bytes> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const message = this.#waiting.shift();
      if (message !== undefined) return message;
      if (this.#end !== undefined) throw this.#end;
      const left = deadline - performance.now();
      if (left <= 0) throw new RegistryUnreachable(`the registry did not reply within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#over(new RegistryUnreachable('the connection is closed'));
    this.#socket.close();
  }

  #take(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || data.byteLength > MESSAGE_BYTES_MAX || this.#waiting.length >= WAITING_MAX) {
      this.#over(new ProtocolError('the registry sent what the protocol does not allow'));
      this.#socket.close();
    } else if (this.#end === undefined) this.#waiting.push(new Uint8Array(data));
    this.#wake();
  }

  #over(why: Error): void {
    this.#end ??= why;
    this.#wake();
  }
}
