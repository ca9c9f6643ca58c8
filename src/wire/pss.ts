// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes: every signature of the sealed dialect. Old
// signatures are PKCS#1 v1.5 with SHA-1, so neither can pass for the other.
import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { importPublicKey, type RsaKeyParts } from './rsa-key.ts';

/** The salt's length is explicit: by default a verifier accepts any. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

export function signPss(key: KeyObject, bytes: Uint8Array): Buffer {
  return sign('sha256', bytes, { key, ...PSS });
}

/** True if `signature` is `key`'s over `bytes`. An invalid RSA number, for which OpenSSL throws, counts as false. */
export function verifyPss(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify('sha256', bytes, { key, ...PSS }, signature);
  } catch {
    return false;
  }
}

/**
 * True if each of `signed` has its signature by the checked key `parts`, which is imported once. A signature of the
 * wrong length costs no crypto.
 */
export function verifyAllPss(
  parts: RsaKeyParts,
  signed: readonly { readonly bytes: Uint8Array; readonly signature: Uint8Array | null | undefined }[],
): boolean {
  if (signed.some(({ signature }) => signature?.length !== parts.modulus.length)) return false;
  try {
    const key = importPublicKey(parts);
    return signed.every(({ bytes, signature }) => verifyPss(key, bytes, signature!));
  } catch {
    return false;
  }
}
