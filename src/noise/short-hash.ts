// SHA-256 and HMAC-SHA-256 of a few bytes, in a third of the time of the streaming calls of node:crypto.
import { hash } from 'node:crypto';

/** Bytes of a digest (HASHLEN). */
export const HASH_BYTES = 32;

/** By way of a string, the fastest way to a short digest. */
export function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}

/** Bytes of a block of SHA-256, and of the longest data. */
const [BLOCK_BYTES, DATA_BYTES_MAX] = [64, HASH_BYTES + 1];
const inner = Buffer.alloc(BLOCK_BYTES + DATA_BYTES_MAX);
const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES);

/**
 * HMAC-SHA-256 with a key of 32 bytes and at most 33 bytes of data, which HKDF and mac1 need.
 */
export function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  inner.fill(0x36, 0, BLOCK_BYTES);
  outer.fill(0x5c, 0, BLOCK_BYTES);
  for (let at = 0; at < HASH_BYTES; at++) {
    inner[at]! ^= key[at]!;
    outer[at]! ^= key[at]!;
  }
  inner.set(data, BLOCK_BYTES);
  outer.write(hash('sha256', inner.subarray(0, BLOCK_BYTES + data.length), 'binary'), BLOCK_BYTES, 'binary');
  const mac = Buffer.from(hash('sha256', outer, 'binary'), 'binary');
  inner.fill(0);
  outer.fill(0);
  return mac;
}
