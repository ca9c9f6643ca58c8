// Statements of members, their labels, the ID that certifies a SigKey, and the certificate of a registry's key.
import { createHash, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isLabels, parseLabels, printLabels } from '../../src/wire/labels.ts';
import { longOf, type Token } from '../../src/wire/message.ts';
import { verifyAllPss, verifyPss } from '../../src/wire/pss.ts';
import { exportSpki, parseSpki } from '../../src/wire/rsa-key.ts';
import { encodeSealCert, isMac1, mac1, mac1Key, readSealCert } from '../../src/wire/sealed-hello.ts';
import { certifiedId, SEQ_MAX, seqOf, signStatement, statementBytes } from '../../src/wire/statement.ts';
import { newKey } from '../support/made-keys.ts';

const privateKey = newKey();
const publicKey = createPublicKey(privateKey);
const registryId = Buffer.alloc(32, 0xab);
const token: Token = {
  Name: 'alice',
  Attrs: longOf(5n),
  ID: Buffer.alloc(20, 1),
  CommsKey: Buffer.from('ck'),
  SigKey: Buffer.from('sk!'),
  MyEnds: ['h:1', 'h:22'],
  Labels: 'zone=a',
  SealKey: Buffer.alloc(32, 2),
  Seq: longOf(0x0102030405n),
};

describe('statementBytes', () => {
  it('writes each field in its place', () => {
    const expected = [
      Buffer.from('xlReg member 1\0').toString('hex'),
      `0020${'ab'.repeat(32)}`,
      `0005${Buffer.from('alice').toString('hex')}`,
      '0000000000000005',
      `0014${'01'.repeat(20)}`,
      `0002${Buffer.from('ck').toString('hex')}`,
      `0003${Buffer.from('sk!').toString('hex')}`,
      '02',
      `0003${Buffer.from('h:1').toString('hex')}`,
      `0004${Buffer.from('h:22').toString('hex')}`,
      `0006${Buffer.from('zone=a').toString('hex')}`,
      '02'.repeat(32),
      '0000000102030405',
    ];
    expect(statementBytes(registryId, token).toString('hex')).toBe(expected.join(''));
  });

  it('has the same bytes for absent and empty fields', () => {
    const { Attrs: _, Labels: __, SealKey: ___, ...bare } = token;
    const empty = { ...bare, Attrs: longOf(0n), Labels: '', SealKey: Buffer.alloc(32) };
    expect(statementBytes(registryId, empty)).toEqual(statementBytes(registryId, bare));
    expect(statementBytes(registryId, { ...empty, SealKey: new Uint8Array(0) })).toEqual(
      statementBytes(registryId, bare),
    );
  });

  it('differs in every field', () => {
    const base = statementBytes(registryId, token);
    const others: Token[] = [
      { ...token, Name: 'bob' },
      { ...token, Attrs: longOf(4n) },
      { ...token, ID: Buffer.alloc(20, 9) },
      { ...token, CommsKey: Buffer.from('cks'), SigKey: Buffer.from('k!') },
      { ...token, MyEnds: ['h:1h:22'] },
      { ...token, MyEnds: ['h:22', 'h:1'] },
      { ...token, Labels: 'zone=b' },
      { ...token, SealKey: Buffer.alloc(32, 3) },
      { ...token, Seq: longOf(1n) },
    ];
    for (const other of others) expect(statementBytes(registryId, other)).not.toEqual(base);
    expect(statementBytes(Buffer.alloc(20, 0xab), token)).not.toEqual(base);
  });
});

it('signs a statement that verifies with a salt of 32 bytes only, and for one registry only', () => {
  const signed = signStatement(registryId, { ...token, DigSig: Buffer.alloc(256) }, 7, privateKey);
  expect(signed.DigSig).toBeNull();
  expect(seqOf(signed)).toBe(7);
  const parts = parseSpki(exportSpki(publicKey))!;
  const verifies = (id: Uint8Array) => {
    return verifyAllPss(parts, [{ bytes: statementBytes(id, signed), signature: signed.Statement }]);
  };
  expect([verifies(registryId), verifies(Buffer.alloc(32))]).toEqual([true, false]);
  expect(verifyAllPss(parts, [{ bytes: registryId, signature: undefined }])).toBe(false);
  expect(verifyPss(publicKey, statementBytes(registryId, signed), Buffer.alloc(256))).toBe(false);
});

it('reads a seq of 1 to 2^53 - 1', () => {
  const seq = (value: bigint) => seqOf({ Seq: longOf(value) });
  expect([seq(0n), seq(1n), seq(BigInt(SEQ_MAX)), seq(BigInt(SEQ_MAX) + 1n), seq(2n ** 64n - 1n), seqOf({})]).toEqual([
    undefined,
    1,
    SEQ_MAX,
    undefined,
    undefined,
    undefined,
  ]);
});

it.each([
  ['', true],
  ['a=', true],
  ['a=1', true],
  ['a=1=2', true],
  ['a=é', true],
  ['a=1\nb=2', true],
  [`${'k'.repeat(63)}=v`, true],
  [`a=${'v'.repeat(510)}`, true],
  ['a', false],
  ['=1', false],
  ['-a=1', false],
  ['b=1\na=2', false],
  ['a=1\na=2', false],
  ['a=1\n', false],
  ['\na=1', false],
  ['a=1\r\nb=2', false],
  ['a=\u0085', false],
  ['a=\u007f', false],
  [`${'k'.repeat(64)}=v`, false],
  [`a=${'v'.repeat(511)}`, false],
])('judges the labels %j as %s', (text, good) => {
  expect(isLabels(text)).toBe(good);
});

it('prints labels in the form it reads', () => {
  const labels = new Map([
    ['zone', 'a'],
    ['rack', '1'],
  ]);
  expect(printLabels(labels)).toBe('rack=1\nzone=a');
  expect(parseLabels(printLabels(labels))).toEqual(new Map([...labels].reverse()));
});

it('certifies a SigKey by an ID', () => {
  const spki = exportSpki(publicKey);
  const expected = createHash('sha256').update('xlReg member id 1\0').update(spki).digest();
  expect(certifiedId(spki)).toEqual(expected);
});

it('compares mac1 under the key of one registry', () => {
  const key = mac1Key(publicKey);
  const e = Buffer.alloc(32, 9);
  expect(isMac1(key, e, mac1(key, e))).toBe(true);
  expect(isMac1(key, Buffer.alloc(32, 8), mac1(key, e))).toBe(false);
  expect(isMac1(key, e, mac1(key, e).subarray(1))).toBe(false);
});

describe('a certificate', () => {
  const s = Buffer.alloc(32, 3);
  const cert = { flags: 0x81, notBefore: 1_000_000, notAfter: 1_172_800, maxMessage: 16_367, maxWaitMs: 0 };
  const bytes = encodeSealCert(cert, s, registryId, privateKey);
  const registry = { id: registryId, sigKey: publicKey };

  it('is read as it was signed', () => {
    expect(bytes.length).toBe(30 + 256);
    expect(readSealCert(bytes, s, registry, 1_100_000)).toEqual({ cert });
  });

  it('is accepted with a day of skew, and shows its times outside', () => {
    for (const [now, fault] of [
      [1_000_000 - 86_400, undefined],
      [1_000_000 - 86_401, 'clock'],
      [1_172_800 + 86_400, undefined],
      [1_172_800 + 86_401, 'clock'],
    ] as const) {
      expect(readSealCert(bytes, s, registry, now)).toEqual(fault ? { cert, fault } : { cert });
    }
  });

  it('is refused for another key, another registry, another length or version', () => {
    const at = 1_100_000;
    expect(readSealCert(bytes, Buffer.alloc(32), registry, at)).toEqual({ fault: 'signature' });
    expect(readSealCert(bytes, s, { ...registry, id: Buffer.alloc(20) }, at)).toEqual({ fault: 'signature' });
    expect(readSealCert(bytes.subarray(1), s, registry, at)).toEqual({ fault: 'length' });
    expect(readSealCert(Buffer.concat([Buffer.of(2), bytes.subarray(1)]), s, registry, at)).toEqual({
      fault: 'version',
    });
    for (let at = 1; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0x10;
      expect(readSealCert(flipped, s, registry, 1_100_000)).toEqual({ fault: 'signature' });
    }
  });
});
