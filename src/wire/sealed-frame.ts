// Frames of the sealed dialect, after the Hello's reply. Part of stages 2 and 5 of the data path.
//
//   frame = length(2) AEAD(flag(1) part)        the length counts ciphertext and tag; on WebSocket it is left out
//   flag  = 0 last frame of a message, 1 more follow (from the registry only)
import { SEALED_FRAME_BYTES_MAX, SEALED_PART_BYTES_MAX, SEALED_REPLY_BYTES_MAX } from '../limits.ts';
import { type CipherState, TAG_BYTES } from '../noise/cipher-state.ts';
import { copyBytes } from '../shared-memory/copy-bytes.ts';

/** Bytes of a frame's length field on TCP. */
export const FRAME_LENGTH_BYTES = 2;
export const LAST = 0;
export const MORE = 1;

/**
 * Encrypts a message of the registry, given in pieces, as frames: all but the last full. Each frame begins with its
 * length, or not, if `withLength` is false. Throws above SEALED_REPLY_BYTES_MAX.
 */
export function encryptFrames(send: CipherState, plain: readonly Uint8Array[], withLength: boolean): Buffer[] {
  const length = plain.reduce((sum, piece) => sum + piece.length, 0);
  if (length > SEALED_REPLY_BYTES_MAX) throw new Error('a reply exceeds the bound of the sealed dialect');
  if (length <= SEALED_PART_BYTES_MAX) return [encryptFrame(send, LAST, plain, withLength)];
  const message = Buffer.allocUnsafe(length);
  copyPieces(plain, message, 0);
  const frames: Buffer[] = [];
  for (let at = 0; at < length; at += SEALED_PART_BYTES_MAX) {
    const end = Math.min(at + SEALED_PART_BYTES_MAX, length);
    frames.push(encryptFrame(send, end === length ? LAST : MORE, [message.subarray(at, end)], withLength));
  }
  return frames;
}

/** Encrypts one frame. */
function encryptFrame(send: CipherState, flag: number, plain: readonly Uint8Array[], withLength: boolean): Buffer {
  const head = withLength ? FRAME_LENGTH_BYTES : 0;
  const length = plain.reduce((sum, piece) => sum + piece.length, 0);
  const frame = Buffer.allocUnsafe(head + 1 + length + TAG_BYTES);
  if (withLength) frame.writeUInt16BE(frame.length - head);
  frame[head] = flag;
  copyPieces(plain, frame, head + 1);
  send.encryptInPlace(frame, head);
  return frame;
}

/** Copies pieces, of which a roster may be shared memory. */
function copyPieces(pieces: readonly Uint8Array[], target: Buffer, start: number): void {
  let at = start;
  for (const piece of pieces) {
    copyBytes(piece, target, at);
    at += piece.length;
  }
}

/** Encrypts a client's message as its one frame. */
export function encryptRequest(send: CipherState, plain: Uint8Array, withLength: boolean): Buffer {
  return encryptFrame(send, LAST, [plain], withLength);
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
