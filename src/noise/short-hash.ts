// SHA-256, HMAC-SHA-256 and HKDF of a few bytes, in a third of the time of the streaming calls of node:crypto.
import { hash } from 'node:crypto';

/** Bytes of a digest (HASHLEN). */
export const HASH_BYTES = 32;

/** By way of a string, the fastest way to a short digest. */
export function sha256(data: Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}

/** Bytes of a block of SHA-256, and of the longest data. */
const [BLOCK_BYTES, DATA_BYTES_MAX] = [64, HASH_BYTES + 1];
/** The key XORed with HMAC's ipad and opad; then the data, and the inner digest. */
const inner = Buffer.alloc(BLOCK_BYTES + DATA_BYTES_MAX, 0x36);
const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES, 0x5c);
const temporaryKey = Buffer.alloc(HASH_BYTES);

/**
 * HMAC-SHA-256 with a key of 32 bytes and at most 33 bytes of data, which HKDF and mac1 need.
 */
export function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  setKey(key);
  inner.set(data, BLOCK_BYTES);
  const mac = writeMac(data.length, Buffer.allocUnsafe(HASH_BYTES));
  wipe();
  return mac;
}

/** HKDF of Noise (section 4.3) with two outputs. The keys have 32 bytes, the input 32 at most. */
export function hkdf(chainingKey: Uint8Array, inputKeyMaterial: Uint8Array): [Buffer, Buffer] {
  setKey(chainingKey);
  inner.set(inputKeyMaterial, BLOCK_BYTES);
  writeMac(inputKeyMaterial.length, temporaryKey);
  setKey(temporaryKey);
  inner[BLOCK_BYTES] = 1;
  const one = writeMac(1, Buffer.allocUnsafe(HASH_BYTES));
  inner.set(one, BLOCK_BYTES);
  inner[BLOCK_BYTES + HASH_BYTES] = 2;
  const two = writeMac(HASH_BYTES + 1, Buffer.allocUnsafe(HASH_BYTES));
  wipe();
  return [one, two];
}

function setKey(key: Uint8Array): void {
  for (let at = 0; at < HASH_BYTES; at++) {
    inner[at] = key[at]! ^ 0x36;
    outer[at] = key[at]! ^ 0x5c;
  }
}

/** Writes the HMAC of the `length` bytes of data in `inner`. */
function writeMac(length: number, mac: Buffer): Buffer {
  outer.write(hash('sha256', inner.subarray(0, BLOCK_BYTES + length), 'binary'), BLOCK_BYTES, 'binary');
  mac.write(hash('sha256', outer, 'binary'), 'binary');
  return mac;
}

/** Overwrites all secrets. The padding of the keys stays. */
function wipe(): void {
  for (const block of [inner, outer]) block.fill(0, 0, HASH_BYTES).fill(0, BLOCK_BYTES);
  temporaryKey.fill(0);
}
