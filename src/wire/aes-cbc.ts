// AES-256-CBC of whole blocks, and the PKCS7 padding that messages have (F2). Padding is done here by hand, because
// where a message ends is found by looking at it (F5), not by asking the cipher.
import { type CipherKey, createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { BLOCK_BYTES } from '../limits.ts';
import { copyBytes } from '../shared-memory/copy-bytes.ts';

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

/** From so many bytes on a plaintext is a roster: no secret, and worth memory of its own, up to so many. */
const [LONG_BYTES, LONG_BYTES_MAX] = [4 * 1_024, 64 * 1_024];
/** Where long plaintexts of this thread are put together, one after the other: new memory for each is taken page by page. */
let long: Buffer | undefined;

/** Encrypts plaintext, in pieces, with its padding behind it. */
export function encryptPadded(key: Uint8Array, iv: Uint8Array, ...plain: readonly Uint8Array[]): Buffer {
  const length = paddedLength(plain);
  if (length < LONG_BYTES || length > LONG_BYTES_MAX) return encryptBlocks(key, iv, pad(...plain));
  long ??= Buffer.allocUnsafeSlow(LONG_BYTES_MAX);
  return encryptBlocks(key, iv, padInto(long.subarray(0, length), plain));
}

/** Decrypts whole blocks; what comes out may be anything. */
export function decryptBlocks(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  return createDecipheriv('aes-256-cbc', asCipherKey(key), iv).setAutoPadding(false).update(ciphertext);
}

/** Decrypts whole blocks from `from` on, at least one behind the first: the block before is their IV. */
export function decryptTail(key: Uint8Array, ciphertext: Uint8Array, from: number): Buffer {
  return decryptBlocks(key, ciphertext.subarray(from - BLOCK_BYTES, from), ciphertext.subarray(from));
}

/** The plaintext, in pieces, with 1 to 16 bytes of PKCS7 padding behind it. */
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

/** Whether the bytes from `end` to the next block boundary are the padding of a message that ends there. */
export function isPaddedAt(bytes: Uint8Array, end: number): boolean {
  const padding = BLOCK_BYTES - (end % BLOCK_BYTES);
  if (end + padding > bytes.length) return false;
  for (let at = end; at < end + padding; at++) if (bytes[at] !== padding) return false;
  return true;
}
