// The bytes of one connection that have not been served yet: one run of bytes on TCP, a queue of frames on WebSocket.
import { MESSAGE_BYTES_MAX } from '../limits.ts';

const NOTHING = new Uint8Array(0);

export class InputBuffer {
  readonly #framed: boolean;
  /** On TCP one at most. */
  #pieces: Uint8Array[] = [];
  /** Unused memory directly behind the run of bytes (TCP). */
  #spare: Uint8Array = NOTHING;

  constructor(transport: 'tcp' | 'ws') {
    this.#framed = transport === 'ws';
  }

  /** Frames that wait; on TCP 1 while there are bytes. */
  get pieces(): number {
    return this.#pieces.length;
  }

  /** The first frame, or all bytes there are; later bytes do not change what it returned. */
  get first(): Uint8Array | undefined {
    return this.#pieces[0];
  }

  /** Takes a frame or a segment. Keeps a reference where nothing waits, so a message in one segment is not copied. */
  add(bytes: Uint8Array): void {
    const first = this.#pieces[0];
    if (this.#framed || first === undefined) this.#pieces.push(bytes);
    else this.#pieces[0] = this.#append(first, bytes);
  }

  /** Drops so many bytes of the first piece, and the piece with its last byte. */
  consume(count: number): void {
    const rest = this.#pieces[0]!.subarray(count);
    if (rest.length > 0) {
      this.#pieces[0] = rest;
      return;
    }
    this.#pieces.shift();
    this.#spare = NOTHING;
  }

  clear(): void {
    this.#pieces = [];
    this.#spare = NOTHING;
  }

  /** Memory doubles when it is full, up to the longest message (F4): copying is linear in the bytes of a message. */
  #append(first: Uint8Array, bytes: Uint8Array): Uint8Array {
    const length = first.length + bytes.length;
    if (bytes.length <= this.#spare.length) {
      this.#spare.set(bytes);
      this.#spare = this.#spare.subarray(bytes.length);
      return Buffer.from(first.buffer, first.byteOffset, length);
    }
    const memory = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, MESSAGE_BYTES_MAX)));
    memory.set(first);
    memory.set(bytes, first.length);
    this.#spare = memory.subarray(length);
    return memory.subarray(0, length);
  }
}
