// Frames of the sealed dialect, after the Hello's reply. Part of stages 2 and 5 of the data path.
//
//   frame = length(2) AEAD(flag(1) part)        the length counts ciphertext and tag; on WebSocket it is left out
//   flag  = 0 last frame of a message, 1 more follow (from the registry only)
import { SEALED_FRAME_BYTES_MAX, SEALED_PART_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../limits.ts';
import type { CipherState } from '../noise/cipher-state.ts';

/** Bytes of a frame's length field on TCP. */
export const FRAME_LENGTH_BYTES = 2;
export const LAST = 0;
export const MORE = 1;

const LAST_FLAG = Uint8Array.of(LAST);
const MORE_FLAG = Uint8Array.of(MORE);

/**
 * Encrypts a message of the registry, given in pieces, as frames: all but the last full. Each frame begins with its
 * length, or not, if `withLength` is false. Throws above SEALED_REPLY_BYTES_MAX.
 */
export function encryptFrames(send: CipherState, plain: readonly Uint8Array[], withLength: boolean): Buffer[] {
  const length = plain.reduce((sum, piece) => sum + piece.length, 0);
  if (length > SEALED_REPLY_BYTES_MAX) throw new Error('a reply exceeds the bound of the sealed dialect');
  if (length <= SEALED_PART_BYTES_MAX) return [encryptFrame(send, LAST_FLAG, plain, withLength)];
  const message = Buffer.concat(plain, length);
  const frames: Buffer[] = [];
  for (let at = 0; at < length; at += SEALED_PART_BYTES_MAX) {
    const end = Math.min(at + SEALED_PART_BYTES_MAX, length);
    frames.push(encryptFrame(send, end === length ? LAST_FLAG : MORE_FLAG, [message.subarray(at, end)], withLength));
  }
  return frames;
}

/** Encrypts one frame. A client's messages are one frame with the flag LAST. */
export function encryptFrame(
  send: CipherState,
  flag: Uint8Array,
  plain: readonly Uint8Array[],
  withLength: boolean,
): Buffer {
  const head = withLength ? FRAME_LENGTH_BYTES : 0;
  const frame = send.encrypt([flag, ...plain], head);
  if (withLength) frame.writeUInt16BE(frame.length - head);
  return frame;
}

/** Encrypts a client's message as its one frame. */
export function encryptRequest(send: CipherState, plain: Uint8Array, withLength: boolean): Buffer {
  return encryptFrame(send, LAST_FLAG, [plain], withLength);
}

/** Puts a registry's message together from decrypted frames, for the client. BOUNDED by SEALED_REPLY_BYTES_MAX. */
export class FrameAssembly {
  #parts: Uint8Array[] = [];
  #length = 0;

  /**
   * Adds a decrypted frame. Returns the message if the frame completes it, `more` if not, `bad` if no registry sends
   * such a frame.
   */
  add(plain: Uint8Array): Uint8Array | 'more' | 'bad' {
    const part = plain.subarray(1);
    const more = plain[0] === MORE;
    const full = plain.length + 16 === SEALED_FRAME_BYTES_MAX;
    if ((!more && plain[0] !== LAST) || (more && !full) || part.length === 0) return 'bad';
    this.#length += part.length;
    if (this.#length > SEALED_REPLY_BYTES_MAX) return 'bad';
    this.#parts.push(part);
    if (more) return 'more';
    const message = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return message;
  }
}
