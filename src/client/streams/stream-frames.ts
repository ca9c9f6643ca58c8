// Frames of a stream between members: uint16 length ‖ AEAD(type ‖ data). One object a direction.
import { type CipherState, TAG_BYTES } from '../../noise/cipher-state.ts';
import { NoiseError } from '../../noise/noise-error.ts';
import { LENGTH_BYTES } from './handshake.ts';

/** Type of a frame with data. */
export const DATA = 0;
/** Type of the frame that ends a direction. It has no data. */
export const END = 1;

/** Bytes of data in a frame at most: 65,535 without type and tag. */
export const FRAME_DATA_MAX = 65_535 - 1 - TAG_BYTES;
/** Least length of a frame: type and tag. */
const FRAME_MIN = 1 + TAG_BYTES;
/** A direction changes its key before each counter that is a multiple of this, 0 apart. */
const REKEY_EVERY = 2 ** 20;

/** Changes the key where the counter asks for it. */
function rekeyWhenDue(cipher: CipherState): void {
  if (cipher.n > 0 && cipher.n % REKEY_EVERY === 0) cipher.rekey();
}

/** Encrypts one frame. `data` has at most FRAME_DATA_MAX bytes. */
export function sealFrame(cipher: CipherState, type: number, data: Uint8Array): Buffer {
  rekeyWhenDue(cipher);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + 1 + data.length + TAG_BYTES);
  frame.writeUInt16BE(frame.length - LENGTH_BYTES);
  frame[LENGTH_BYTES] = type;
  frame.set(data, LENGTH_BYTES + 1);
  cipher.encryptInPlace(frame, LENGTH_BYTES);
  return frame;
}

/** A decrypted frame. */
export interface Frame {
  readonly type: number;
  readonly data: Buffer;
}

/** Cuts the bytes of a connection into frames and decrypts them. Holds less than one frame and the last chunk. */
export class FrameReader {
  readonly #cipher: CipherState;
  #pending: Buffer;

  /** `early` came behind the handshake's last message. */
  constructor(cipher: CipherState, early: Buffer) {
    this.#cipher = cipher;
    this.#pending = early;
  }

  add(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
  }

  /** The next whole frame. Throws NoiseError on a length that no frame has, and on bytes that do not authenticate. */
  next(): Frame | undefined {
    const pending = this.#pending;
    if (pending.length < LENGTH_BYTES) return undefined;
    const length = pending.readUInt16BE();
    if (length < FRAME_MIN) throw new NoiseError(`a frame of ${length} bytes`);
    const end = LENGTH_BYTES + length;
    if (pending.length < end) return undefined;
    this.#pending = pending.subarray(end);
    rekeyWhenDue(this.#cipher);
    const plain = this.#cipher.decrypt(pending.subarray(LENGTH_BYTES, end));
    return { type: plain[0] ?? -1, data: plain.subarray(1) };
  }
}
