// Frames of the sealed dialect as a transport delivers them: behind their length on TCP, whole on WebSocket.
import { FRAME_LENGTH_BYTES } from '../wire/sealed-frame.ts';
import { ProtocolError } from './errors.ts';
import type { Transport } from './transport.ts';

/** Bounds of a frame's length. */
export interface FrameBounds {
  readonly min: number;
  readonly max: number;
}

/** BOUNDED by the transport's arrivals and one frame. */
export class Frames {
  readonly #transport: Transport;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** True if bytes have arrived that no frame has taken. */
  get waiting(): boolean {
    return this.#bytes > 0 || this.#transport.arrivals.waiting;
  }

  /**
   * Returns the next frame without its length. Rejects with ProtocolError for a length out of bounds, before its bytes
   * are awaited, or with the reason of the transport's end.
   */
  async next(bounds: FrameBounds): Promise<Uint8Array> {
    if (this.#transport.name === 'ws') {
      const frame = await this.#transport.arrivals.take();
      assertLength(frame.length, bounds);
      return frame;
    }
    const head = await this.#take(FRAME_LENGTH_BYTES);
    const length = head[0]! * 256 + head[1]!;
    assertLength(length, bounds);
    return await this.#take(length);
  }

  async #take(count: number): Promise<Uint8Array> {
    while (this.#bytes < count) {
      const piece = await this.#transport.arrivals.take();
      this.#pieces.push(piece);
      this.#bytes += piece.length;
    }
    const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = all.length === count ? [] : [all.subarray(count)];
    this.#bytes -= count;
    return all.subarray(0, count);
  }
}

function assertLength(length: number, { min, max }: FrameBounds): void {
  if (length >= min && length <= max) return;
  throw new ProtocolError(`the registry sent a frame of ${length} bytes, not of ${min} to ${max}`);
}
