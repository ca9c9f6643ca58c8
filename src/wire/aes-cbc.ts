// AES-256-CBC of whole blocks, and the PKCS7 padding that messages have (F2). Padding is done here by hand, because
// where a message ends is found by looking at it (F5), not by asking the cipher.
import { type CipherKey, createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { copyBytes } from '../copy-bytes.ts';
import { BLOCK_BYTES } from '../limits.ts';

/**
 * How a cipher takes its key at the least cost: 80 bytes under the key as it is take 2 to 3 us on Node 20 and 22, and 15 to 18 on
 * Node 24, which takes 4 to 5 with a KeyObject made for it.
 */
const asCipherKey: (key: Uint8Array) => CipherKey =
  Number.parseInt(process.versions.node, 10) < 24 ? (key) => key : createSecretKey;

/** Encrypts whole blocks. */
export function encryptBlocks(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Buffer {
  return createCipheriv('aes-256-cbc', asCipherKey(key), iv).setAutoPadding(false).update(plain);
}

/** Decrypts whole blocks; what comes out may be anything. */
export function decryptBlocks(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  return createDecipheriv('aes-256-cbc', asCipherKey(key), iv).setAutoPadding(false).update(ciphertext);
}

/** The plaintext, in pieces, with 1 to 16 bytes of PKCS7 padding behind it. */
export function pad(...plain: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const piece of plain) length += piece.length;
  const padding = BLOCK_BYTES - (length % BLOCK_BYTES);
  const padded = Buffer.allocUnsafe(length + padding);
  let at = 0;
  for (const piece of plain) {
    copyBytes(piece, padded, at);
    at += piece.length;
  }
  return padded.fill(padding, length);
}

/** Whether the bytes from `end` to the next block boundary are the padding of a message that ends there. */
export function isPaddedAt(bytes: Uint8Array, end: number): boolean {
  const padding = BLOCK_BYTES - (end % BLOCK_BYTES);
  if (end + padding > bytes.length) return false;
  for (let at = end; at < end + padding; at++) if (bytes[at] !== padding) return false;
  return true;
}
