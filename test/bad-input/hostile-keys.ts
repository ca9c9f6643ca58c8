// Public keys that a token may not have, and odd ones that it may have although they verify no signature.

import { readFileSync } from 'node:fs';
import { makeMemberKeys } from '../field/member-keys.ts';
import { der, derInteger, pkcs1Der, rsaKeyDer, rsaNumbers, spkiDer } from '../field/rsa-der.ts';

const { commsKey: good } = makeMemberKeys();
const { n, e } = rsaNumbers(good);
const bits = (count: number): bigint => (1n << BigInt(count - 1)) | 1n;
const publicKey = (file: string): Buffer => readFileSync(new URL(`../vectors/public-keys/${file}`, import.meta.url));
const pem = (label: string, bytes: Buffer): Buffer =>
  Buffer.from(`-----BEGIN ${label}-----\n${bytes.toString('base64')}\n-----END ${label}-----\n`);

/** The test vectors with hostile keys: malformed DER. */
const vectors: { publicKeys: { hostile: { reason: string; spki: string }[] } } = JSON.parse(
  readFileSync(new URL('../vectors/vectors.json', import.meta.url), 'utf8'),
);

/** Bytes that are not the strict DER of an RSA key. */
export const notKeys: readonly Uint8Array[] = [
  Buffer.alloc(0),
  Buffer.alloc(294, 0x30),
  good.subarray(0, -1),
  good.subarray(0, 20),
  Buffer.concat([good, Buffer.from([0])]),
  pem('PUBLIC KEY', good),
  pem('RSA PUBLIC KEY', pkcs1Der(n, e)),
  pkcs1Der(n, e),
  der(0x30, der(0x30), der(0x03, Buffer.from([0]), pkcs1Der(n, e))),
  spkiDer(der(0x30, derInteger(n))),
  ...vectors.publicKeys.hostile.map(({ spki }) => Buffer.from(spki, 'hex')),
];
/** Sound keys of other kinds. */
export const otherKinds = ['ec-p256', 'ed25519', 'dsa-1024', 'rsa-pss-2048'].map((name) => publicKey(`${name}.der`));
/** RSA keys of 512, 1023, 4097, 16384 and 32768 bits. */
export const badSizes = [
  publicKey('rsa-512.der'),
  ...[512, 1023, 4097, 16_384, 32_768].map((size) => rsaKeyDer(bits(size), e)),
];
/** RSA keys with e = 0, 1, 2, 65536, -3, from 2^31 up, and of 3071 bits. */
export const badExponents = [0n, 1n, 2n, 65_536n, -3n, 2n ** 31n + 1n, 2n ** 31n, 2n ** 32n + 1n, bits(3071)].map(
  (each) => rsaKeyDer(n, each),
);

/** RSA keys with an even n. */
export const evenModuli = [n - 1n, bits(2048) - 1n].map((modulus) => rsaKeyDer(modulus, e));

/** RSA keys within the bounds whose modulus is not a product of two primes. */
export const oddModuli = [2n ** 2048n - 1n, n - (n % 6n) + 3n, 3n ** 1292n].map((modulus) => rsaKeyDer(modulus, e));
