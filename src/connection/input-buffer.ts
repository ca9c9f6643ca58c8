// Stage 1, front end, sequential: the unserved bytes of one connection. TCP keeps one run of bytes, WebSocket a queue
// of frames.
import { MESSAGE_BYTES_MAX } from '../limits.ts';

const NOTHING = new Uint8Array(0);

export class InputBuffer {
  readonly #framed: boolean;
  /** At most one on TCP; BOUNDED by WAITING_FRAMES_MAX on WebSocket. */
  #pieces: Uint8Array[] = [];
  /** Unused memory directly behind the run of bytes (TCP). */
  #spare: Uint8Array = NOTHING;

  constructor(transport: 'tcp' | 'ws') {
    this.#framed = transport === 'ws';
  }

  /** Number of waiting frames; on TCP 1 while bytes wait. */
  get pieces(): number {
    return this.#pieces.length;
  }

  /** The first frame on WebSocket, all waiting bytes on TCP. Later bytes do not change a returned array. */
  get first(): Uint8Array | undefined {
    return this.#pieces[0];
  }

  /** Adds a frame or a segment. Keeps a reference if nothing waits, so a message in one segment is never copied. */
  add(bytes: Uint8Array): void {
    const first = this.#pieces[0];
    if (this.#framed || first === undefined) this.#pieces.push(bytes);
    else this.#pieces[0] = this.#append(first, bytes);
  }

  /** Drops the first `count` bytes of the first piece, and the piece itself once it is empty. */
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

  /** Doubles full memory, up to the longest message (F4). Copying is linear in the bytes of a message. */
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
