// Rules of a token (T1 to T8): those of its fields, and the signature over them by its own SigKey. Part of stage 2
// (verify) of the data path, parallel in the workers.
//
//   signed bytes = Name Attrs(8, little-endian) [ID] CommsKey SigKey MyEnds[0] MyEnds[1] …
//
// Field clients never sign the ID, although the published spec suggests that they do. Both forms are accepted; the
// registry signs without the ID (T7).
import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Fault } from '../errors.ts';
import { END_POINT_CHARS_MAX, ID_BYTES, ID_BYTES_OLD, SEALED_RSA_BITS_MIN, TOKEN_END_POINTS_MAX } from '../limits.ts';
import { bigintOf, decodeRoster, type Token } from './message.ts';
import { isName } from './name.ts';
import { isPublishedKey } from './published-keys.ts';
import { bitsOf, importPublicKey, parseSpki, type RsaKeyParts } from './rsa-key.ts';

/** Bits of a client's attrs (T9). */
export const CLIENT_EPHEMERAL = 1n;
export const CLIENT_ADMIN = 2n;

const END_POINT_PREFIX = 'TcpEndPoint: ';
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** True for 20 or 32 bytes (K2). */
export function isNodeId(id: Uint8Array): boolean {
  return id.length === ID_BYTES || id.length === ID_BYTES_OLD;
}

/**
 * True for `host:port` (T5). The host is a name, an IPv4 address or an IPv6 address in brackets; the `TcpEndPoint: `
 * prefix is optional.
 */
export function isEndPoint(text: string): boolean {
  if (text.length > END_POINT_CHARS_MAX) return false;
  const bare = text.startsWith(END_POINT_PREFIX) ? text.slice(END_POINT_PREFIX.length) : text;
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(bare);
  if (match === null) return false;
  const [, address, host, port] = match;
  if (Number(port) < 1 || Number(port) > 65535) return false;
  if (address !== undefined) return isIPv6(address);
  return /^[\d.]+$/.test(host!) ? isIPv4(host!) : HOST_NAME.test(host!);
}

function signedBytes(token: Token, withId: boolean): Buffer {
  const attrs = Buffer.alloc(8);
  attrs.writeBigUInt64LE(bigintOf(token.Attrs));
  return Buffer.concat([
    Buffer.from(token.Name ?? ''),
    attrs,
    ...(withId && token.ID ? [token.ID] : []),
    token.CommsKey ?? Buffer.alloc(0),
    token.SigKey ?? Buffer.alloc(0),
    ...(token.MyEnds ?? []).map((end) => Buffer.from(end)),
  ]);
}

/**
 * Returns a 64-bit digest (hex) of the content that a token's signature covers. Takes the token as rosters carry it.
 * PKCS#1 v1.5 is deterministic, so the same content has the same signature, however the end points are split (T8).
 */
export function signedContentDigest(rosterToken: Uint8Array): string {
  const [token] = decodeRoster(rosterToken);
  return hash('sha256', signedBytes(token!, false), 'hex').slice(0, 16);
}

/** Signs a token with its own signature key. */
export function signToken(token: Token, sigKey: KeyObject): Token {
  return { ...token, DigSig: sign('sha1', signedBytes(token, false), sigKey) };
}

/**
 * True if `digSig` is an RSASSA-PKCS1-v1_5 signature with SHA-1 over any of `signed`. `parts` is a checked key. A
 * signature of the wrong length costs no crypto. OpenSSL may throw for a number that is no RSA modulus; that counts as
 * false.
 */
export function verifySignature(parts: RsaKeyParts, signed: readonly Uint8Array[], digSig: Uint8Array): boolean {
  if (digSig.length !== parts.modulus.length) return false;
  try {
    const key = importPublicKey(parts);
    return signed.some((bytes) => verify('sha1', bytes, key, digSig));
  } catch {
    return false;
  }
}

/**
 * Checks the fields that tokens of every dialect have, in the order of T1. Returns the fault, or the parsed SigKey. In
 * the sealed dialect an ID must be present, and the SigKey has SEALED_RSA_BITS_MIN bits at least. Without `testKeys` a
 * published key is invalid (K7).
 */
export function checkTokenFields(token: Token, sealed: boolean, testKeys = false): RsaKeyParts | Fault {
  if (!isName(token.Name)) return 'name-invalid';
  if (token.ID ? !isNodeId(token.ID) : sealed) return 'node-id-length';
  const [commsKey, sigKey] = [token.CommsKey && parseSpki(token.CommsKey), token.SigKey && parseSpki(token.SigKey)];
  if (!commsKey || !sigKey || (sealed && bitsOf(sigKey) < SEALED_RSA_BITS_MIN)) return 'rsa-key-invalid';
  if (!testKeys && (isPublishedKey(commsKey.modulus) || isPublishedKey(sigKey.modulus))) return 'rsa-key-invalid';
  const ends = token.MyEnds ?? [];
  if (ends.length > TOKEN_END_POINTS_MAX || !ends.every(isEndPoint)) return 'end-point-invalid';
  return sigKey;
}

/**
 * Checks a token's fields and its signature by its own SigKey, with or without the ID. Returns the fault, if any. Cheap
 * checks come first. With `testKeys` a published key is valid (K7).
 */
export function checkToken(token: Token, testKeys = false): Fault | undefined {
  const sigKey = checkTokenFields(token, false, testKeys);
  if (typeof sigKey === 'string') return sigKey;
  const readings = [signedBytes(token, false), ...(token.ID ? [signedBytes(token, true)] : [])];
  return token.DigSig && verifySignature(sigKey, readings, token.DigSig) ? undefined : 'signature-invalid';
}
