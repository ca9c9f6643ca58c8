// Tells whether bytes are a message: M4 to M8, written independently of src/wire, for tests with thousands of payloads.

import { decodeFields, type RawField } from '../field/wire-fields.ts';

type Kind = 'varint' | 'uint32' | 'bytes' | 'text' | 'token';

const MESSAGE_KINDS: Readonly<Record<number, Kind>> = {
  ...{ 1: 'varint', 2: 'bytes', 3: 'bytes', 4: 'bytes', 5: 'bytes', 6: 'uint32', 8: 'text', 9: 'bytes', 10: 'varint' },
  ...{ 11: 'token', 13: 'bytes', 14: 'text', 15: 'uint32', 16: 'varint', 17: 'uint32', 20: 'varint', 21: 'token' },
  ...{ 22: 'bytes', 23: 'text' },
};
const TOKEN_KINDS: Readonly<Record<number, Kind>> = {
  ...{ 1: 'text', 2: 'varint', 3: 'bytes', 4: 'bytes', 5: 'bytes', 6: 'text', 7: 'bytes' },
};

function isText(bytes: Uint8Array): boolean {
  return !new TextDecoder('utf-8', { fatal: true }).decode(bytes).includes('\0');
}

/** Throws unless the fields are valid; returns the count of unknown fields, those of tokens included. */
function checked(fields: readonly RawField[], kinds: Readonly<Record<number, Kind>>): number {
  const unknown = fields.map(({ number, wireType, value }): number => {
    const kind = kinds[number];
    if (kind === undefined) return 1;
    const isNumber = kind === 'varint' || kind === 'uint32';
    if (wireType !== (isNumber ? 0 : 2)) throw new Error('wire type');
    if (kind === 'uint32' && (value as bigint) > 0xffff_ffffn) throw new Error('uint32');
    if (kind === 'text' && !isText(value as Buffer)) throw new Error('NUL');
    if (kind !== 'token') return 0;
    const token = decodeFields(value as Buffer);
    if (count(token, 6) > 64) throw new Error('MyEnds');
    return checked(token, TOKEN_KINDS);
  });
  return unknown.reduce((sum, each) => sum + each, 0);
}

const count = (fields: readonly RawField[], number: number): number =>
  fields.filter((field) => field.number === number).length;

/** Tells whether the registry must decode bytes as a message (M4 to M8), whatever it then replies. */
export function isMessage(bytes: Uint8Array): boolean {
  try {
    const fields = decodeFields(bytes);
    return (
      checked(fields, MESSAGE_KINDS) <= 16 && count(fields, 1) > 0 && count(fields, 11) <= 1 && count(fields, 21) <= 64
    );
  } catch {
    return false;
  }
}

/**
 * Tells whether padded bytes sent over TCP are answered. They are if they are a message, or if an earlier block
 * boundary happens to end a padded message (F5).
 */
export function beginsWithMessage(bytes: Uint8Array): boolean {
  for (let end = 16; end <= bytes.length; end += 16) {
    const padding = bytes[end - 1]!;
    const isPadded = padding > 0 && bytes.subarray(end - padding, end).every((byte) => byte === padding);
    if (padding <= 16 && isPadded && isMessage(bytes.subarray(0, end - padding))) return true;
  }
  return isMessage(bytes);
}
