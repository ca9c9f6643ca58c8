// Chooses the members of one roster reply (R8, R9). The table and the roster cache share this code.
import { strict as assert } from 'node:assert';
import { bitsOf, withBits } from './seat-bits.ts';

/** Token bytes for one roster reply. */
export interface Roster {
  readonly which: bigint;
  readonly next: number;
  readonly bytes: Uint8Array;
}

/** Members of one roster reply. */
export interface ChosenMembers {
  /** Indexes in ascending order. */
  readonly indexes: readonly number[];
  /** Bit i is set for the member with index i. */
  readonly which: bigint;
  /** Index where the next reply begins. */
  readonly next: number;
  /** Sum of their token lengths, in bytes. */
  readonly bytes: number;
}

/**
 * Chooses wanted members from index `from` on, wrapping round, as many as fit in `bytesMax`. Takes at least one if any
 * is wanted. `count` is one more than the highest occupied index. `tokenBytes` returns the length of a member's token,
 * 0 for a hole.
 */
export function chooseMembers(
  count: number,
  tokenBytes: (index: number) => number,
  wanted: bigint,
  from: number,
  bytesMax: number,
): ChosenMembers {
  const isWanted = bitsOf(wanted);
  const start = from % count;
  const fromStart: number[] = [];
  const wrapped: number[] = [];
  let bytes = 0;
  let next = 0;
  for (let step = 0; step < count; step++) {
    const index = (start + step) % count;
    const length = isWanted(index) ? tokenBytes(index) : 0;
    if (length === 0) continue;
    if (bytes > 0 && bytes + length > bytesMax) break;
    if (index < start) wrapped.push(index);
    else fromStart.push(index);
    bytes += length;
    next = (index + 1) % count;
  }
  const indexes = wrapped.length === 0 ? fromStart : [...wrapped, ...fromStart];
  return { indexes, which: withBits(indexes), next, bytes };
}

/** Concatenates tokens; `length` is their total in bytes. */
export function joinTokens(tokens: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const token of tokens) {
    bytes.set(token, at);
    at += token.length;
  }
  return bytes;
}

/** Bytes of a token's tag, before its length. */
const TAG_BYTES = 2;
const NO_FIELDS = new Uint8Array(0);

/** Length of a token with further fields appended. */
export function wholeTokenBytes(token: Uint8Array, fields: Uint8Array = NO_FIELDS): number {
  if (fields.length === 0) return token.length;
  const content = contentBytes(token) + fields.length;
  return TAG_BYTES + varintBytes(content) + content;
}

/**
 * Concatenates tokens, each with its further fields. A token is a length-delimited field with a tag of TAG_BYTES: its
 * length is rewritten, all other bytes stay. `length` is the total of wholeTokenBytes.
 */
export function joinWholeTokens(
  tokens: readonly (readonly [token: Uint8Array, fields: Uint8Array | undefined])[],
  length: number,
): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  for (const [token, fields] of tokens) {
    if (!fields?.length) {
      put(token);
      continue;
    }
    const before = contentBytes(token);
    put(token.subarray(0, TAG_BYTES));
    let rest = before + fields.length;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    put(token.subarray(token.length - before));
    put(fields);
  }
  return bytes;
}

/** The content of a token with its further fields: what follows tag and length in joinWholeTokens(). */
export function wholeTokenContent(token: Uint8Array, fields: Uint8Array = NO_FIELDS): Uint8Array {
  const content = token.subarray(token.length - contentBytes(token));
  if (fields.length === 0) return content;
  const whole = new Uint8Array(content.length + fields.length);
  whole.set(content);
  whole.set(fields, content.length);
  return whole;
}

/** Bytes of a token's content, as its length field says. */
function contentBytes(token: Uint8Array): number {
  let value = 0;
  for (let at = TAG_BYTES, shift = 0; ; at++, shift += 7) {
    assert(at < token.length, 'a stored token has its tag and length');
    value |= (token[at]! & 0x7f) << shift;
    if (token[at]! < 0x80) return value;
  }
}

/** Bytes of a varint below 2^21. */
function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}
