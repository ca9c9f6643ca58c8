// RSA public keys, made by openssl: strict DER (T4) and the OpenSSH form (K4).

import { createPublicKey } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifySignature } from '../../src/wire/member-token.ts';
import {
  exportSpki,
  importPublicKey,
  keyFingerprint,
  modulusOf,
  parseSpki,
  parseSshRsa,
  printSshRsa,
} from '../../src/wire/rsa-key.ts';
import { fastest } from './fastest.ts';
import { bytes, privateKey, publicKey, vectors } from './vectors.ts';

const { good, odd, hostile } = vectors.publicKeys;
const largest = bytes(good.find(({ bits }) => bits === 4096)!.spki);

function hex(part: Uint8Array): string {
  return Buffer.from(part).toString('hex');
}

/** A length-prefixed string of the SSH key format. */
function sshString(part: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(part.length);
  return Buffer.concat([length, part]);
}

/** A line in the form of K4, from arbitrary parts. */
function sshLine(...parts: Uint8Array[]): string {
  return `ssh-rsa ${Buffer.concat(parts.map(sshString)).toString('base64')}`;
}

describe.each(good)('$name', ({ bits, exponent, modulus, spki }) => {
  it('is accepted, with the numbers that openssl prints (T4)', () => {
    const parts = parseSpki(bytes(spki))!;
    expect(hex(parts.modulus)).toBe(modulus);
    expect(BigInt(`0x${hex(parts.exponent)}`)).toBe(BigInt(exponent));
    expect(parts.modulus.length * 8).toBe(bits);
  });

  it('keeps its SubjectPublicKeyInfo when imported and exported (K3)', () => {
    const key = importPublicKey(parseSpki(bytes(spki))!);
    expect(hex(exportSpki(key))).toBe(spki);
    expect(hex(modulusOf(key))).toBe(modulus);
  });

  it('is refused with any other byte in front of the modulus (T4)', () => {
    const header = spki.indexOf(modulus) / 2 - 1;
    for (let at = 0; at < header; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = bytes(spki);
        if (changed[at] === byte) continue;
        changed[at] = byte;
        expect(parseSpki(changed), `byte ${at} = ${byte}`).toBeUndefined();
      }
    }
  });

  it('is refused with any byte changed, or is a key of the same length in strict DER (T4)', () => {
    fc.assert(
      fc.property(fc.nat(spki.length / 2 - 1), fc.nat(255), (at, byte) => {
        const changed = bytes(spki);
        changed[at] = byte;
        const parts = parseSpki(changed);
        fc.pre(parts !== undefined);
        expect(parts!.modulus.length - modulus.length / 2).toBeOneOf([0, 1]);
        expect(hex(exportSpki(importPublicKey(parts!)))).toBe(hex(changed));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused if cut short or followed by bytes (T4)', () => {
    const whole = bytes(spki);
    for (let end = 0; end < whole.length; end++) expect(parseSpki(whole.subarray(0, end))).toBeUndefined();
    expect(parseSpki(Buffer.concat([whole, Buffer.alloc(1)]))).toBeUndefined();
  });
});

describe('hostile keys', () => {
  it.each(hostile)('refuses $reason (T4)', ({ spki }) => {
    expect(parseSpki(bytes(spki))).toBeUndefined();
  });

  it('refuses one in less time than it accepts the largest good key (T4)', () => {
    const taking = fastest(50, () => importPublicKey(parseSpki(largest)!));
    for (const { reason, spki } of hostile) {
      const der = bytes(spki);
      expect(
        fastest(50, () => parseSpki(der)),
        reason,
      ).toBeLessThan(taking);
    }
  });

  it('refuses random bytes, and never throws (T4)', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (der) => parseSpki(der) === undefined));
  });
});

describe('odd keys', () => {
  const digSig = Buffer.alloc(256, 0x5a);
  it.each(odd)('accepts a key that soon fails to verify anything: $reason (T4)', ({ spki }) => {
    const parts = parseSpki(bytes(spki))!;
    expect(verifySignature(parts, [Buffer.from('x')], digSig)).toBe(false);
    const ordinary = parseSpki(largest)!;
    const signature = Buffer.alloc(512, 0x5a);
    const one = fastest(5, () => verifySignature(parts, [Buffer.from('x')], digSig));
    expect(one).toBeLessThan(10 * fastest(5, () => verifySignature(ordinary, [Buffer.from('x')], signature)));
  });
});

describe.each(Object.entries(vectors.keys))('%s', (name, vector) => {
  const key = publicKey(name as keyof typeof vectors.keys);

  it('prints as openssl prints it (K4)', () => {
    expect(printSshRsa(key)).toBe(vector.ssh);
    expect(keyFingerprint(key)).toBe(vector.fingerprint);
  });

  it('reads back from its line (K4)', () => {
    expect(hex(exportSpki(parseSshRsa(vector.ssh)!))).toBe(vector.spki);
  });

  it('has a modulus as long as its ciphertexts (H1)', () => {
    expect(modulusOf(privateKey(name as keyof typeof vectors.keys))).toEqual(modulusOf(key));
    expect(modulusOf(key).length * 8).toBe(vector.modulusBits);
  });
});

it.each(good)('reads back $name from its line (K4)', ({ spki }) => {
  const key = importPublicKey(parseSpki(bytes(spki))!);
  expect(hex(exportSpki(parseSshRsa(printSshRsa(key))!))).toBe(spki);
});

describe('OpenSSH lines', () => {
  const kind = Buffer.from('ssh-rsa');
  const exponent = bytes('010001');
  const modulus = bytes(vectors.publicKeys.good[1]!.modulus);
  const signed = Buffer.concat([Buffer.alloc(1), modulus]);
  const line = sshLine(kind, exponent, signed);

  it('consist of kind, exponent, and modulus with a leading zero byte (K4)', () => {
    expect(hex(exportSpki(parseSshRsa(line)!))).toBe(vectors.publicKeys.good[1]!.spki);
  });

  const FAR = Buffer.alloc(513, 0xff);
  it.each([
    ['nothing', ''],
    ['the kind alone', 'ssh-rsa'],
    ['another kind in front', line.replace('ssh-rsa', 'ssh-dss')],
    ['another kind within', sshLine(Buffer.from('ssh-dss'), exponent, signed)],
    ['no base64', 'ssh-rsa !!!!'],
    ['two lines', line.replace(/^(.{60})/, '$1\n')],
    ['no modulus', sshLine(kind, exponent)],
    ['a fourth part', sshLine(kind, exponent, signed, exponent)],
    ['an empty exponent', sshLine(kind, Buffer.alloc(0), signed)],
    ['an empty modulus', sshLine(kind, exponent, Buffer.alloc(0))],
    ['modulus and exponent the other way round', sshLine(kind, signed, exponent)],
    ['exponent 1', sshLine(kind, bytes('01'), signed)],
    ['an even exponent', sshLine(kind, bytes('010000'), signed)],
    ['an exponent of 32 bits', sshLine(kind, bytes('0080000001'), signed)],
    ['an even modulus', sshLine(kind, exponent, Buffer.concat([signed.subarray(0, -1), bytes('00')]))],
    ['a modulus of 1023 bits', sshLine(kind, exponent, Buffer.concat([bytes('7f'), Buffer.alloc(127, 0xff)]))],
    ['a modulus of 4104 bits', sshLine(kind, exponent, Buffer.concat([Buffer.alloc(1), FAR]))],
    ['a length beyond the blob', `ssh-rsa ${Buffer.concat([sshString(kind), bytes('ffffffff00')]).toString('base64')}`],
    ['a blob cut short', line.slice(0, -8)],
    ['PEM', createPublicKey({ key: largest, format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' })],
  ])('refuses %s (K4, T4)', (_, text) => {
    expect(parseSshRsa(text.toString())).toBeUndefined();
  });

  it.each([
    ['the modulus without its zero byte', sshLine(kind, exponent, modulus)],
    ['the modulus with a zero byte too many', sshLine(kind, exponent, Buffer.concat([Buffer.alloc(1), signed]))],
    ['the exponent with a zero byte too many', sshLine(kind, Buffer.concat([Buffer.alloc(1), exponent]), signed)],
  ])('refuses %s (K4)', (_, text) => {
    expect(parseSshRsa(text)).toBeUndefined();
  });
});
