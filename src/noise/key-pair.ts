// X25519 keys and the DH function of Noise (revision 34, section 12.1).
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, randomBytes } from 'node:crypto';
import { NoiseError } from './noise-error.ts';

/** Bytes of a public key, a private key and a DH result (DHLEN). */
export const KEY_BYTES = 32;

/** A Noise key pair. A KeyObject cannot be wiped; its holder drops it. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

/** Any 32 bytes: node:crypto wants the member but derives the public key from `d`. */
const IGNORED_X = 'A'.repeat(43);

/** Makes a key pair of 32 unpredictable bytes. */
export function generateKeyPair(random: (count: number) => Uint8Array = randomBytes): KeyPair {
  const secret = random(KEY_BYTES);
  const pair = keyPairOf(secret);
  secret.fill(0);
  return pair;
}

/**
 * Imports a private key of 32 bytes. The caller wipes the bytes. The import computes the public key, so exporting it is
 * nearly free. Safe on Node 20, where the same export of a key of the synchronous generateKeyPairSync can lock the
 * thread: the job that made such a key shares its mutex, and no job makes this one.
 */
export function keyPairOf(secret: Uint8Array): KeyPair {
  if (secret.length !== KEY_BYTES) throw new NoiseError(`a private key has ${KEY_BYTES} bytes`);
  const d = base64url(secret);
  const privateKey = createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d, x: IGNORED_X }, format: 'jwk' });
  return { privateKey, publicKey: Buffer.from(privateKey.export({ format: 'jwk' }).x!, 'base64url') };
}

/**
 * The DH function. Throws NoiseError if the result is all zeros, which a public key of small order causes. Takes an
 * imported key, so that two DHs with one key import it once.
 */
export function dh({ privateKey }: KeyPair, publicKey: Uint8Array | KeyObject): Uint8Array {
  if (publicKey instanceof Uint8Array && publicKey.length !== KEY_BYTES) {
    throw new NoiseError(`a public key has ${KEY_BYTES} bytes`);
  }
  let shared: Uint8Array;
  try {
    const imported = publicKey instanceof Uint8Array ? importPublic(publicKey) : publicKey;
    shared = diffieHellman({ privateKey, publicKey: imported });
  } catch {
    throw new NoiseError('the key exchange has no valid result');
  }
  // OpenSSL refuses a zero result itself. Another library under node:crypto may not.
  if (shared.every((byte) => byte === 0)) throw new NoiseError('the key exchange has no valid result');
  return shared;
}

/** Imports a public key of 32 bytes. */
export function importPublic(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: base64url(bytes) }, format: 'jwk' });
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
