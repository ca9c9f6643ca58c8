// Versions and their text (K5).

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION, parseVersion, printVersion } from '../../src/wire/version.ts';
import { bytes, vectors } from './vectors.ts';

describe.each(vectors.versions)('$text', ({ text, number, bytes: hex }) => {
  it('reads as its number, its first part in the lowest byte (K5)', () => {
    expect(parseVersion(text)).toBe(number);
    expect(bytes(hex).readUInt32LE()).toBe(number);
  });

  it('is the text of its number (K5)', () => {
    expect(printVersion(number)).toBe(text);
  });
});

it.each([...vectors.notVersions, '1.0 ', ' 1.0', '1.0\n', '1,0', '1.+2', '1.1e1', '1.0x1', '1.²', '1.0000'])(
  'refuses %j (K5)',
  (text) => {
    expect(parseVersion(text)).toBeUndefined();
  },
);

it('reads back every uint32 from its text, of two fields or with a last field that is not zero (K5)', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 32 - 1 }), (version) => {
      const text = printVersion(version);
      const fields = text.split('.').map(Number);
      expect(parseVersion(text)).toBe(version);
      expect(fields.length === 2 || fields.at(-1) !== 0).toBe(true);
      expect(fields.reduce((sum, field, place) => sum + field * 256 ** place, 0)).toBe(version);
    }),
  );
});

it('has protocol version 1.0 (K6)', () => {
  expect(PROTOCOL_VERSION).toBe(1);
  expect(printVersion(PROTOCOL_VERSION)).toBe('1.0');
});
