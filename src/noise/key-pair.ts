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

/** Any 32 bytes, as the `x` of a private JWK. */
const ANY_X = 'A'.repeat(43);
/** A private key in PKCS#8 (RFC 8410, section 7) up to its 32 bytes. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

/**
 * The cheaper import that this version of Node allows. A JWK needs an `x`; versions that compute it from `d` take any,
 * others (24.22, 26) only the matching one. Import and export of `x`, in microseconds of CPU on Node 20, 22, 24: JWK
 * 39, 34, refused; PKCS#8 368, 46, 41.
 */
const importPrivate = importsAnyX() ? importJwk : importPkcs8;

/** Makes a key pair of 32 unpredictable bytes. */
export function generateKeyPair(random: (count: number) => Uint8Array = randomBytes): KeyPair {
  const secret = random(KEY_BYTES);
  const pair = keyPairOf(secret);
  secret.fill(0);
  return pair;
}

/**
 * Imports a private key of 32 bytes. The caller wipes the bytes. The import computes the public key, so its JWK export
 * costs 1 us; a Diffie-Hellman with the base point costs 30 to 34 us more, an SPKI export 22 to 62. Safe on Node 20,
 * where the same export of a key of the synchronous generateKeyPairSync can lock the thread: the job that made such a
 * key shares its mutex, and no job makes this one.
 */
export function keyPairOf(secret: Uint8Array): KeyPair {
  if (secret.length !== KEY_BYTES) throw new NoiseError(`a private key has ${KEY_BYTES} bytes`);
  const privateKey = importPrivate(secret);
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

function importJwk(secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d: base64url(secret), x: ANY_X }, format: 'jwk' });
}

function importPkcs8(secret: Uint8Array): KeyObject {
  const key = Buffer.concat([PKCS8_HEAD, secret]);
  const imported = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  key.fill(0);
  return imported;
}

function importsAnyX(): boolean {
  try {
    importJwk(new Uint8Array(KEY_BYTES));
    return true;
  } catch {
    return false;
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}
