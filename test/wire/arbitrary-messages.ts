// Random messages: as objects, and as bytes in any order and any encoding that the rules allow.

import * as fc from 'fast-check';
import Long from 'long';
import type { Message, Token } from '../../src/wire/message.ts';
import { messageType, oldKindsOf, tokenType } from './schema.ts';

export const uint64: fc.Arbitrary<bigint> = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const long = uint64.map((value) => Long.fromString(value.toString(), true));
const uint32 = fc.nat({ max: 2 ** 32 - 1 });

/** Any text without NUL, including the names of JavaScript's built-in properties. */
const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', '')),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '\ufeffx', 'é', '😀', ''),
);

/** Any bytes, with runs that look like padding. */
const binary = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.record({ byte: fc.nat(16), length: fc.nat(40) }).map(({ byte, length }) => new Uint8Array(length).fill(byte)),
);

export const arbitraryToken: fc.Arbitrary<Token> = fc.record(
  {
    Name: text,
    Attrs: long,
    ID: binary,
    CommsKey: binary,
    SigKey: binary,
    MyEnds: fc.array(text, { maxLength: 5 }),
    DigSig: binary,
  },
  { requiredKeys: [] },
);

export const arbitraryMessage: fc.Arbitrary<Message & { Op: number }> = fc.record(
  {
    Op: fc.integer({ min: 1, max: 13 }),
    AesIV: binary,
    AesKey: binary,
    Salt1: binary,
    Salt2: binary,
    Version: uint32,
    ClientName: text,
    ClientID: binary,
    ClientAttrs: long,
    ClientSpecs: arbitraryToken,
    ClusterID: binary,
    ClusterName: text,
    ClusterSize: uint32,
    ClusterAttrs: long,
    EndPointCount: uint32,
    Which: long,
    Tokens: fc.array(arbitraryToken, { maxLength: 3 }),
    DigSig: binary,
    ErrDesc: text,
  },
  { requiredKeys: ['Op'] },
);

/** A varint, overlong if `length` exceeds its need. */
export function varint(value: bigint, length = 1): Buffer {
  const groups: number[] = [];
  for (let rest = value; rest > 0n || groups.length < length; rest >>= 7n) groups.push(Number(rest & 0x7fn));
  return Buffer.from(groups.map((group, i) => (i === groups.length - 1 ? group : group | 0x80)));
}

/** A length-delimited field. */
export function delimited(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

/** A varint field. */
export function numeric(number: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(number * 8)), varint(value)]);
}

/** The maximal length in bytes of a tag or a length (M7), and of a value. */
const KEY_BYTES_MAX = 5;
const VALUE_BYTES_MAX = 10;

/** The minimal length of a varint; mostly the shortest. */
function varintLength(most: number): fc.Arbitrary<number> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: most }));
}

function encodedVarint(value: fc.Arbitrary<bigint>, lengthMax = VALUE_BYTES_MAX): fc.Arbitrary<Buffer> {
  return fc.record({ value, length: varintLength(lengthMax) }).map(({ value, length }) => varint(value, length));
}

function behindTag(number: number, wireType: number, value: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const tag = encodedVarint(fc.constant(BigInt(number * 8 + wireType)), KEY_BYTES_MAX);
  return fc.record({ tag, value }).map(({ tag, value }) => Buffer.concat([tag, value]));
}

function withLength(contents: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  return fc
    .record({ contents, length: varintLength(KEY_BYTES_MAX) })
    .map(({ contents, length }) => Buffer.concat([varint(BigInt(contents.length), length), contents]));
}

const op = fc.oneof(fc.constantFrom(8n, 1n, 11n), fc.bigInt({ min: 1n, max: 13n }), uint64);

function knownField(number: number, kind: string): fc.Arbitrary<Buffer> {
  switch (kind) {
    case 'op':
      return behindTag(number, 0, encodedVarint(op));
    case 'uint32':
      return behindTag(number, 0, encodedVarint(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n })));
    case 'uint64':
      return behindTag(number, 0, encodedVarint(uint64));
    case 'string':
      return behindTag(number, 2, withLength(text.map((value) => Buffer.from(value))));
    case 'token':
      return behindTag(number, 2, withLength(tokenBytes));
    default:
      return behindTag(number, 2, withLength(binary));
  }
}

const unknownNumber = fc.oneof(fc.constantFrom(7, 12, 18, 19), fc.integer({ min: 24, max: 2 ** 29 - 1 }));
const unknownField = unknownNumber.chain((number) =>
  fc.oneof(
    behindTag(number, 0, encodedVarint(uint64)),
    behindTag(number, 1, fc.uint8Array({ minLength: 8, maxLength: 8 })),
    behindTag(number, 2, withLength(binary)),
    behindTag(number, 5, fc.uint8Array({ minLength: 4, maxLength: 4 })),
  ),
);

const anyOf = (kinds: ReadonlyMap<number, string>) => [...kinds].map(([number, kind]) => knownField(number, kind));

const tokenBytes: fc.Arbitrary<Buffer> = fc
  .array(fc.oneof({ weight: 1, arbitrary: unknownField }, ...anyOf(oldKindsOf(tokenType))), { maxLength: 4 })
  .map((fields) => Buffer.concat(fields));

const opField = knownField(1, 'op');
/** The one ambiguity of F5: bytes that read both as padding and as four Ops of JoinReply. */
const fourJoinReplies = fc.constant(Buffer.alloc(8, 0x08));
const messageField = fc.oneof(opField, fourJoinReplies, unknownField, ...anyOf(oldKindsOf(messageType)));

/** Fields of a message in any order and any encoding; nearly always a message. */
export const messageBytes: fc.Arbitrary<Buffer> = fc
  .record({
    before: fc.array(messageField, { maxLength: 6 }),
    op: opField,
    after: fc.array(messageField, { maxLength: 6 }),
  })
  .map(({ before, op, after }) => Buffer.concat([...before, op, ...after]));
