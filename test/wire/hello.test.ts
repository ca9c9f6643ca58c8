// The Hello (H1 to H3, H5), against ciphertexts made by openssl.

import { constants, privateDecrypt, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Hello, openHello, parseHello, sealHello } from '../../src/wire/hello.ts';
import { modulusOf } from '../../src/wire/rsa-key.ts';
import { fastest } from './fastest.ts';
import { bytes, privateKey, publicKey, vectors } from './vectors.ts';

const ck = privateKey('registryCk');
const modulus = modulusOf(ck);

/** A Hello's fields, as in the vectors. */
function described(hello: Hello) {
  const hex = (part: Uint8Array) => Buffer.from(part).toString('hex');
  const { dialect, iv1, key1, salt1, version1 } = hello;
  return { dialect, ...(iv1 && { iv1: hex(iv1) }), key1: hex(key1), salt1: hex(salt1), version1 };
}

const arbitraryHello: fc.Arbitrary<Hello> = fc
  .record({
    chained: fc.boolean(),
    iv1: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    key1: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    salt1: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    version1: fc.nat({ max: 2 ** 32 - 1 }),
  })
  .map(({ chained, iv1, ...rest }) => ({
    dialect: chained ? 'chained' : 'prefixed',
    iv1: chained ? iv1 : undefined,
    ...rest,
  }));

describe.each(vectors.hellos)('a $dialect Hello under $key', (vector) => {
  const key = privateKey(vector.key);
  const { plaintext, ciphertext, key: _, version1, ...fields } = vector;
  const hello = { ...fields, version1: bytes(version1).readUInt32LE() };

  it('opens to the fields that were sealed (H1)', () => {
    const opened = openHello(key, modulusOf(key), bytes(ciphertext));
    expect(typeof opened === 'string' ? opened : described(opened)).toEqual(hello);
  });

  it("determines the dialect from the plaintext's length (H2)", () => {
    expect(described(parseHello(bytes(plaintext))!)).toEqual(hello);
    expect(bytes(plaintext).length).toBe(vector.dialect === 'chained' ? 60 : 44);
  });

  it('seals to a ciphertext that openssl opens, as long as the modulus (H1)', () => {
    const sealed = sealHello(publicKey(vector.key), parseHello(bytes(plaintext))!);
    expect(sealed.length).toBe(modulusOf(key).length);
    const opened = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, sealed);
    expect(opened.toString('hex')).toBe(plaintext);
  });
});

describe('hostile Hellos', () => {
  /** The fault for each reason; a number is the length of the decrypted plaintext. */
  const FAULTS: readonly (readonly [RegExp, ReturnType<typeof openHello>])[] = [
    [/^decrypts to/, 'hello-plaintext-length'],
    [/^(the modulus|the greatest number of 256 bytes)$/, 'hello-out-of-range'],
    [/^a byte/, 'hello-length'],
    [/^(OAEP with|PKCS#1 v1.5|random bytes|the number [01]|the modulus less 1)/, 'hello-undecryptable'],
  ];

  it.each(vectors.hostileHellos)('rejects $reason (H3)', ({ reason, bytes: hex }) => {
    const found = openHello(ck, modulus, bytes(hex));
    const expected = FAULTS.find(([pattern]) => pattern.test(reason))?.[1];
    if (expected !== undefined) expect(found).toBe(expected);
    else expect(found).toBe(hex < modulus.toString('hex') ? 'hello-undecryptable' : 'hello-out-of-range');
  });

  it('spends no RSA on a wrong length or an integer out of range (H3)', () => {
    const good = bytes(vectors.hellos[1]!.ciphertext);
    const opening = fastest(10, () => openHello(ck, modulus, good));
    for (const bad of [Buffer.alloc(256, 0xff), modulus, good.subarray(1), Buffer.alloc(0), Buffer.alloc(16_384)]) {
      expect(fastest(10, () => openHello(ck, modulus, bad))).toBeLessThan(opening / 4);
    }
  });

  it('never opens random bytes, and never throws (H3)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 256, maxLength: 256 }), (ciphertext) => {
        expect(openHello(ck, modulus, ciphertext)).toMatch(/^hello-/);
      }),
      { numRuns: 50 },
    );
  });

  it.each([0, 1, 16, 43, 45, 59, 61, 86])('finds no dialect in %i bytes of plaintext (H2)', (length) => {
    expect(parseHello(Buffer.alloc(length))).toBeUndefined();
  });
});

it('accepts any key1, iv1, salt1 and version1 (H5)', () => {
  const small = privateKey('registryCk1024');
  const smallModulus = modulusOf(small);
  fc.assert(
    fc.property(arbitraryHello, (hello) => {
      const opened = openHello(small, smallModulus, sealHello(publicKey('registryCk1024'), hello));
      expect(typeof opened === 'string' ? opened : described(opened)).toEqual(described(hello));
    }),
    { numRuns: 50 },
  );
});

it('accepts a Hello of zeros (H5)', () => {
  const zeros = { iv1: undefined, key1: Buffer.alloc(32), salt1: Buffer.alloc(8), version1: 0 };
  const opened = openHello(ck, modulus, sealHello(publicKey('registryCk'), { dialect: 'prefixed', ...zeros }));
  expect(opened).toMatchObject({ dialect: 'prefixed', version1: 0 });
});

it('opens the same Hello again (H10)', () => {
  const ciphertext = bytes(vectors.hellos[0]!.ciphertext);
  expect(openHello(ck, modulus, ciphertext)).toEqual(openHello(ck, modulus, ciphertext));
});

it('rejects a Hello under another ck (H10)', () => {
  const { dialect, iv1, ...rest } = parseHello(bytes(vectors.hellos[1]!.plaintext))!;
  const other = sealHello(publicKey('registrySk'), { dialect, iv1, ...rest, key1: randomBytes(32) });
  expect(openHello(ck, modulus, other)).toMatch(/^hello-(undecryptable|out-of-range)$/);
});
