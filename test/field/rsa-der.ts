// Encodes RSA public keys from n and e without a library's checks, so that tests can write invalid keys.

import { createPublicKey } from 'node:crypto';

/** A DER element of this tag, with its length in the shortest form. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

/** A DER INTEGER in the shortest two's complement. */
export function derInteger(value: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(8 * bytes, value) !== value) bytes++;
  const hex = BigInt.asUintN(8 * bytes, value).toString(16);
  return der(0x02, Buffer.from(hex.padStart(2 * bytes, '0'), 'hex'));
}

const RSA_ENCRYPTION = der(0x30, Buffer.from('06092a864886f70d0101010500', 'hex'));

/** The PKCS#1 form: n and e alone. */
export function pkcs1Der(n: bigint, e: bigint): Buffer {
  return der(0x30, derInteger(n), derInteger(e));
}

/** SubjectPublicKeyInfo around any key bytes; its algorithm is rsaEncryption by default. */
export function spkiDer(key: Uint8Array, algorithm: Uint8Array = RSA_ENCRYPTION): Buffer {
  return der(0x30, algorithm, der(0x03, Buffer.from([0]), key));
}

/** An RSA key's SubjectPublicKeyInfo, as on the wire. */
export function rsaKeyDer(n: bigint, e: bigint): Buffer {
  return spkiDer(pkcs1Der(n, e));
}

/** n and e of a sound key. */
export function rsaNumbers(spki: Uint8Array): { n: bigint; e: bigint } {
  const jwk = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({
    format: 'jwk',
  });
  const number = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  return { n: number(jwk.n!), e: number(jwk.e!) };
}
