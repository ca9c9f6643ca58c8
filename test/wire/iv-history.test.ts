// The IVs of a session (F6): recognizes every earlier IV, however many there are.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IvHistory } from '../../src/wire/iv-history.ts';
import { fastest } from './fastest.ts';

const SESSION_IVS = 2 * 65_536;

const iv = fc.uint8Array({ minLength: 16, maxLength: 16 });
/** IVs that differ in few bits, at either end or in the middle. */
const alike = fc.record({ at: fc.nat(15), byte: fc.constantFrom(0, 1, 2, 3, 0x80) }).map(({ at, byte }) => {
  const bytes = Buffer.alloc(16);
  bytes[at] = byte;
  return bytes;
});

it('tells repeated IVs from new ones, as a Set would (F6)', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(iv, alike), { maxLength: 400, size: 'max' }), (ivs) => {
      const history = new IvHistory(randomBytes);
      const seen = new Set<string>();
      const expected = ivs.map((one) => seen.size < seen.add(Buffer.from(one).toString('hex')).size);
      expect(ivs.map((one) => history.add(one))).toEqual(expected);
      expect(ivs.some((one) => history.add(one))).toBe(false);
    }),
  );
});

/** A distinct IV for each 32-bit number; the IVs differ only in the word at `at`. */
function numbered(n: number, at = 4): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(n, at);
  return bytes;
}

describe.each([0, 4, 8, 12])('a session of 65,536 messages with IVs that differ from byte %i on', (at) => {
  it('recognizes each of its IVs in both directions, and no other (F6)', () => {
    const history = new IvHistory(randomBytes);
    for (let n = 1; n <= SESSION_IVS; n++) {
      if (!history.add(numbered(n, at))) throw new Error(`${n} was taken for a repeated IV`);
    }
    for (let n = 1; n <= SESSION_IVS; n += 97) expect(history.add(numbered(n, at))).toBe(false);
    expect(history.add(numbered(SESSION_IVS + 1, at))).toBe(true);
  });
});

it('treats an IV of zeros like any other, whatever the secret (F6)', () => {
  for (const secret of [Buffer.alloc(8), Buffer.alloc(8, 0xff), randomBytes(8)]) {
    const history = new IvHistory(() => secret);
    expect(history.add(Buffer.alloc(16))).toBe(true);
    expect(history.add(Buffer.alloc(16))).toBe(false);
    expect(history.add(Buffer.alloc(16, 1))).toBe(true);
  }
});

it('recognizes a reply by the IV at its front (F6)', () => {
  const history = new IvHistory(randomBytes);
  const reply = Buffer.concat([numbered(5), Buffer.alloc(48, 7)]);
  expect(history.add(reply)).toBe(true);
  expect(history.add(reply.subarray(0, 16))).toBe(false);
});

it('spends no more on colliding IVs than on random ones (F6)', () => {
  const count = 8_192;
  const random = Array.from({ length: count }, () => randomBytes(16));
  const chosen = [0, 4, 8, 12].map((at) => Array.from({ length: count }, (_, n) => numbered(n << 17, at)));
  // Equal in all that the two first words tell when they are taken together.
  const paired = Array.from({ length: count }, (_, n) => {
    const bytes = numbered(n, 0);
    bytes.writeUInt32LE(n, 4);
    return bytes;
  });
  const cost = (ivs: readonly Uint8Array[]) =>
    fastest(1, () => {
      const history = new IvHistory(randomBytes);
      for (const one of ivs) history.add(one);
    });
  const ordinary = cost(random);
  for (const ivs of [...chosen, paired]) expect(cost(ivs)).toBeLessThan(10 * ordinary);
});
