// A plain implementation of F5 and M3 to M8, which findMessage() must agree with. It tries every block boundary and
// reads each candidate from its beginning, with varints as bigints.

import { messageType, oldKindsOf, tokenType } from './schema.ts';

const MESSAGE_KINDS = oldKindsOf(messageType);
const TOKEN_KINDS = oldKindsOf(tokenType);
/** The maximal lengths of varints in bytes (M7). */
const TAG_BYTES_MAX = 5;
const LENGTH_BYTES_MAX = 5;
const VALUE_BYTES_MAX = 10;
const VARINT_KINDS = ['op', 'uint32', 'uint64'];

interface Field {
  readonly number: number;
  readonly kind: string;
  readonly value: bigint | Uint8Array;
}

/** The end of the message that begins at `start`, if there is one. */
export function findSlowly(plain: Uint8Array, start: number) {
  for (let boundary = start + 16; boundary <= plain.length; boundary += 16) {
    const padding = plain[boundary - 1]!;
    const end = boundary - padding;
    if (padding < 1 || padding > 16 || plain.subarray(end, boundary).some((byte) => byte !== padding)) continue;
    const op = opOfMessage(plain.subarray(start, end));
    if (op !== undefined) return { end, paddedEnd: boundary, op };
  }
  return undefined;
}

/** The last Op in these bytes if they are a message. */
export function opOfMessage(bytes: Uint8Array): bigint | undefined {
  const fields = readFields(bytes, MESSAGE_KINDS);
  const tokens = fields?.filter(({ kind }) => kind === 'token') ?? [];
  const tokenFields = tokens.map(({ value }) => readFields(value as Uint8Array, TOKEN_KINDS));
  if (fields === undefined || tokenFields.includes(undefined)) return undefined;
  const unknown = [fields, ...(tokenFields as Field[][])].flat().filter(({ kind }) => kind === 'unknown');
  const count = (list: readonly Field[], number: number) => list.filter((field) => field.number === number).length;
  if (unknown.length > 16) return undefined;
  if (count(tokens, 11) > 1 || count(tokens, 21) > 64) return undefined;
  if (tokenFields.some((token) => count(token!, 6) > 64)) return undefined;
  return fields.findLast(({ kind }) => kind === 'op')?.value as bigint | undefined;
}

function readFields(bytes: Uint8Array, kinds: ReadonlyMap<number, string>): Field[] | undefined {
  const fields: Field[] = [];
  let rest = bytes;
  const take = (length: bigint): Uint8Array | undefined => {
    if (length > BigInt(rest.length)) return undefined;
    const taken = rest.subarray(0, Number(length));
    rest = rest.subarray(Number(length));
    return taken;
  };
  const varint = (bytesMax: number): bigint | undefined => {
    const length = rest.findIndex((byte) => byte < 0x80) + 1;
    if (length < 1 || length > bytesMax) return undefined;
    const value = [...take(BigInt(length))!].reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
    return value < 1n << 64n ? value : undefined;
  };
  while (rest.length > 0) {
    const tag = varint(TAG_BYTES_MAX);
    if (tag === undefined || tag >> 3n === 0n || tag >> 3n > (1n << 29n) - 1n) return undefined;
    const number = Number(tag >> 3n);
    const kind = kinds.get(number) ?? 'unknown';
    const wireType = Number(tag & 7n);
    if (kind !== 'unknown' && wireType !== (VARINT_KINDS.includes(kind) ? 0 : 2)) return undefined;
    const value = readValue(wireType, varint, take);
    if (value === undefined || !isOfKind(kind, value)) return undefined;
    fields.push({ number, kind, value });
  }
  return fields;
}

function readValue(
  wireType: number,
  varint: (bytesMax: number) => bigint | undefined,
  take: (length: bigint) => Uint8Array | undefined,
): bigint | Uint8Array | undefined {
  if (wireType === 0) return varint(VALUE_BYTES_MAX);
  if (wireType === 1) return take(8n);
  if (wireType === 5) return take(4n);
  const length = wireType === 2 ? varint(LENGTH_BYTES_MAX) : undefined;
  return length === undefined ? undefined : take(length);
}

function isOfKind(kind: string, value: bigint | Uint8Array): boolean {
  if (kind === 'uint32') return (value as bigint) < 1n << 32n;
  if (kind !== 'string') return true;
  try {
    return !new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value as Uint8Array).includes('\0');
  } catch {
    return false;
  }
}
