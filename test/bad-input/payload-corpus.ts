// A deterministic corpus of payloads for the decoder, in place of protobuf's official conformance payloads. It has
// every wire type with every field number and many lengths and values, right and wrong, in messages and in tokens.
// Seeded mutations of good messages complete it.

import { encodeMessage, OP } from '../field/protobuf.ts';
import { bytesField, key, overlongVarint, varint, varintField } from '../field/wire-fields.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const cat = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

const FIELD_NUMBERS = [...Array.from({ length: 27 }, (_, i) => i), 2 ** 29 - 1, 2 ** 29, 2 ** 32];

/** Bytes that may follow a tag: right for some wire types, wrong for others. */
const VALUES: readonly Uint8Array[] = [
  Buffer.alloc(0),
  hex('00'),
  hex('01'),
  hex('7f'),
  hex('80'),
  hex('8000'),
  hex('0161'),
  hex('0261'),
  hex('0100'),
  hex('01ff'),
  hex('ffffffff0f'),
  hex('8080808010'),
  hex('8080808008'),
  varint(2n ** 63n),
  varint(2n ** 64n - 1n),
  hex('ffffffffffffffffff02'),
  overlongVarint(0, 11),
  overlongVarint(3, 10),
  Buffer.alloc(4),
  Buffer.alloc(8, 1),
  Buffer.alloc(7, 0xff),
];

/** A seeded random number generator (mulberry32). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Applies one to four changes: flips a bit, sets a byte, removes, doubles or moves a piece, or cuts the end. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let out = Buffer.from(bytes);
  for (let changes = 1 + random(4); changes > 0 && out.length > 0; changes--) {
    const [at, to] = [random(out.length), random(out.length)];
    const end = Math.min(out.length, at + 1 + random(8));
    const piece = out.subarray(at, end);
    const edits = [
      () => out.fill(out[at]! ^ (1 << random(8)), at, at + 1),
      () => out.fill([0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)]!, at, at + 1),
      () => cat(out.subarray(0, at), out.subarray(end)),
      () => cat(out.subarray(0, end), piece, out.subarray(end)),
      () => cat(out.subarray(0, to), piece, out.subarray(to)),
      () => out.subarray(0, at),
    ];
    out = Buffer.from(edits[random(edits.length)]!());
  }
  return out;
}

/** Good messages to mutate: short, so that mutations hit structure more often than a key's bytes. */
function seeds(): Buffer[] {
  const token = {
    name: 'peer',
    attrs: 5,
    id: Buffer.alloc(20, 1),
    commsKey: Buffer.alloc(90, 3),
    sigKey: Buffer.alloc(90, 4),
    digSig: Buffer.alloc(64, 6),
  };
  const small = {
    name: 'm',
    attrs: 2n ** 60n,
    id: Buffer.alloc(4),
    myEnds: ['127.0.0.1:1', ''],
    digSig: Buffer.alloc(2),
  };
  return [
    { op: OP.RegCredRequest, version: 1, salt1: Buffer.alloc(8) },
    { op: OP.Client, clientSpecs: token },
    { op: OP.Client, clientSpecs: small, extra: hex('c80101d2010161') },
    { op: OP.Create, clusterName: 'cluster', clusterSize: 3, clusterAttrs: 2n ** 63n, endPointCount: 1 },
    { op: OP.GetCluster, clusterId: Buffer.alloc(8, 2), which: 2n ** 64n - 1n, tokens: [small, small] },
    { op: OP.Bye, clientName: 'n\u00e4me', clientId: Buffer.alloc(3), errDesc: 'x', digSig: Buffer.alloc(3) },
  ].map(encodeMessage);
}

/** Length of the varint at `at`, or undefined if it does not end. */
function varintBytes(bytes: Uint8Array, at: number): number {
  return bytes.subarray(at).findIndex((byte) => byte < 0x80) + 1;
}

/**
 * Tells whether a tag or length of a message or token is longer than five bytes. Protobuf libraries differ beyond this
 * bound (M7); no-message.test.ts has a row for it (B62).
 */
function hasLongKey(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const keyBytes = varintBytes(bytes, at);
    if (keyBytes === 0) return false;
    if (keyBytes > 5) return true;
    const wireType = bytes[at]! & 7;
    at += keyBytes;
    if (wireType === 0) at += varintBytes(bytes, at) || Infinity;
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType !== 2) return false;
    else {
      const lengthBytes = varintBytes(bytes, at);
      if (lengthBytes > 5) return true;
      const length = bytes.subarray(at, at + lengthBytes).reduceRight((sum, byte) => sum * 128 + (byte & 0x7f), 0);
      at += lengthBytes;
      // Every nested field is examined as if it were a token, which drops a few good payloads too many.
      if (hasLongKey(bytes.subarray(at, at + length))) return true;
      at += length;
    }
  }
  return false;
}

/** Every tag with every value behind an Op, in a message or in its ClientSpecs. */
export function systematicPayloads(where: 'message' | 'token'): Buffer[] {
  const bye = varintField(1, OP.Bye);
  const wireTypes = [0, 1, 2, 3, 4, 5, 6, 7];
  return FIELD_NUMBERS.flatMap((number) =>
    wireTypes.flatMap((wireType) =>
      VALUES.map((value) => {
        const field = cat(key(number, wireType), value);
        return cat(bye, where === 'message' ? field : bytesField(11, field));
      }),
    ),
  );
}

/** This many mutations of good messages. */
export function mutatedPayloads(count: number): Buffer[] {
  const random = seeded(0x5eed);
  const from = seeds();
  const made = Array.from({ length: count }, (_, i) => mutate(from[i % from.length]!, random));
  return made.filter((bytes) => !hasLongKey(bytes));
}
