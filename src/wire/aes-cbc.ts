// AES-256-CBC of whole blocks, with the PKCS7 padding of messages (F2). Part of stages 2 (decrypt) and 5 (encrypt) of
// the data path, parallel in the workers. Padding is applied here, not by the cipher, because a message's end is found
// by its padding (F5).
import { type CipherKey, createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { BLOCK_BYTES } from '../limits.ts';
import { copyBytes } from '../shared-memory/copy-bytes.ts';

/**
 * Converts a key to the form that the cipher accepts fastest: raw bytes before Node 24, a KeyObject from Node 24 on.
 */
const asCipherKey: (key: Uint8Array) => CipherKey =
  Number.parseInt(process.versions.node, 10) < 24 ? (key) => key : createSecretKey;

/** Encrypts whole blocks without padding. */
export function encryptBlocks(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Buffer {
  return createCipheriv('aes-256-cbc', asCipherKey(key), iv).setAutoPadding(false).update(plain);
}

/** Plaintexts of these lengths go into a reused buffer. Only rosters are this long, and rosters are no secret. */
const [LONG_BYTES, LONG_BYTES_MAX] = [4 * 1_024, 64 * 1_024];
/** This thread's buffer for long plaintexts. Reuse avoids page faults of a new allocation for each roster. */
let long: Buffer | undefined;

/** Encrypts plaintext, given in pieces, with padding appended. */
export function encryptPadded(key: Uint8Array, iv: Uint8Array, ...plain: readonly Uint8Array[]): Buffer {
  const length = paddedLength(plain);
  if (length < LONG_BYTES || length > LONG_BYTES_MAX) return encryptBlocks(key, iv, pad(...plain));
  long ??= Buffer.allocUnsafeSlow(LONG_BYTES_MAX);
  return encryptBlocks(key, iv, padInto(long.subarray(0, length), plain));
}

/** Decrypts whole blocks. The result is not authenticated and may be garbage. */
export function decryptBlocks(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  return createDecipheriv('aes-256-cbc', asCipherKey(key), iv).setAutoPadding(false).update(ciphertext);
}

/** Decrypts whole blocks from offset `from` on, 16 or more. The preceding block is their IV. */
export function decryptTail(key: Uint8Array, ciphertext: Uint8Array, from: number): Buffer {
  return decryptBlocks(key, ciphertext.subarray(from - BLOCK_BYTES, from), ciphertext.subarray(from));
}

/** Joins the plaintext's pieces and appends 1 to 16 bytes of PKCS7 padding. */
export function pad(...plain: readonly Uint8Array[]): Buffer {
  return padInto(Buffer.allocUnsafe(paddedLength(plain)), plain);
}

function paddedLength(plain: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of plain) length += piece.length;
  return length + BLOCK_BYTES - (length % BLOCK_BYTES);
}

function padInto(padded: Buffer, plain: readonly Uint8Array[]): Buffer {
  let at = 0;
  for (const piece of plain) {
    copyBytes(piece, padded, at);
    at += piece.length;
  }
  return padded.fill(padded.length - at, at);
}

/** True if the bytes from `end` to the next block boundary are valid padding of a message that ends there. */
export function isPaddedAt(bytes: Uint8Array, end: number): boolean {
  const padding = BLOCK_BYTES - (end % BLOCK_BYTES);
  if (end + padding > bytes.length) return false;
  for (let at = end; at < end + padding; at++) if (bytes[at] !== padding) return false;
  return true;
}
