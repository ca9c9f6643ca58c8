// Finds where messages end (F5) and rejects other bytes (M3 to M8): over the vectors, and against a plain reader of the
// rules.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pad } from '../../src/wire/aes-cbc.ts';
import { isOp, Op } from '../../src/wire/message.ts';
import {
  checkWholeMessage,
  findMessage,
  MESSAGE_FIELDS,
  SEALED_MESSAGE_FIELDS,
  SEALED_TOKEN_FIELDS,
  scanFrom,
  scanMessage,
  TOKEN_FIELDS,
  TOKEN_SPEC_FIELDS,
  type UnfinishedScan,
} from '../../src/wire/message-structure.ts';
import { delimited, messageBytes, numeric } from './arbitrary-messages.ts';
import { fastest } from './fastest.ts';
import { kindsOf, messageType, opNumbers, tokenSpecType, tokenType } from './schema.ts';
import { findSlowly, opOfMessage } from './slow-finder.ts';
import { bytes, vectors } from './vectors.ts';

const BYE = bytes('080b');
const RUBBISH = Buffer.alloc(16, 0x5a);

/** An Op as the rules distinguish it: one of the thirteen, or out of range (M3). */
function judged(op: number | bigint): number | 'out of range' {
  return op >= 1 && op <= 13 ? Number(op) : 'out of range';
}

/** The message found at the start; it must also be found behind 16 other bytes. */
function found(plain: Uint8Array) {
  const there = findMessage(plain, 0);
  const further = findMessage(Buffer.concat([RUBBISH, plain]), 16);
  expect(further).toEqual(there && { ...there, end: there.end + 16, paddedEnd: there.paddedEnd + 16 });
  return there;
}

describe('messages', () => {
  it.each(vectors.messages)('ends $name at its padding (M1)', ({ fields, encoded }) => {
    const message = bytes(encoded);
    expect(found(pad(message))).toEqual({ end: message.length, paddedEnd: pad(message).length, op: fields.Op });
  });

  it.each(vectors.unusualMessages)('finds $reason (M5 to M10)', ({ op, encoded }) => {
    expect(found(pad(bytes(encoded)))).toMatchObject({ end: encoded.length / 2, op });
  });

  it.each(vectors.opsOutOfRange)('finds an Op of $op as a message, out of range (M3)', (vector) => {
    const message = found(pad(bytes(vector.encoded)))!;
    expect(message.end).toBe(vector.encoded.length / 2);
    expect(isOp(message.op)).toBe(false);
  });

  it.each(vectors.notMessages)('finds no message in $reason (M4 to M8)', ({ bytes: hex }) => {
    expect(found(pad(bytes(hex)))).toBeUndefined();
  });

  it('takes the last of several Ops, in range or not (M9)', () => {
    expect(found(pad(Buffer.concat([numeric(1, 2n ** 32n + 3n), BYE])))?.op).toBe(11);
    expect(isOp(found(pad(Buffer.concat([BYE, numeric(1, 2n ** 32n + 3n)])))!.op)).toBe(false);
  });

  it('finds no end without padding or with a wrong one (F2)', () => {
    for (let padding = 0; padding < 256; padding++) {
      const plain = Buffer.concat([BYE, Buffer.alloc(14, padding)]);
      // 14 is right; eights are enough to be fields and padding both (F5).
      expect(found(plain) !== undefined).toBe([8, 14].includes(padding));
    }
    expect(found(Buffer.alloc(0))).toBeUndefined();
    expect(found(BYE)).toBeUndefined();
  });
});

it("reads eight bytes of 08 as padding at a block's end, and as four Ops elsewhere (F5)", () => {
  const eights = Buffer.alloc(8, 0x08);
  const cut = Buffer.concat([bytes('0801080108010801'), eights, BYE]);
  expect(found(pad(cut))).toEqual({ end: 8, paddedEnd: 16, op: 1 });
  const elsewhere = Buffer.concat([bytes('080108010801'), eights, BYE]);
  expect(found(pad(elsewhere))).toMatchObject({ end: 16, op: 11 });
});

describe('limits', () => {
  const unknown = numeric(7, 1n);
  const times = (count: number, field: Buffer) => Buffer.alloc(count * field.length, field);
  it.each([
    ['16 unknown fields (M5)', times(16, unknown), true],
    ['17 unknown fields (M5)', times(17, unknown), false],
    ['8 unknown fields in each of two Tokens (M5)', times(2, delimited(21, times(8, numeric(8, 1n)))), true],
    [
      '9 and 8 unknown fields in two Tokens (M5)',
      Buffer.concat([9, 8].map((n) => delimited(21, times(n, numeric(8, 1n))))),
      false,
    ],
    ['ClientSpecs once (M6)', delimited(11, Buffer.alloc(0)), true],
    ['ClientSpecs twice (M6)', times(2, delimited(11, Buffer.alloc(0))), false],
    ['64 Tokens and ClientSpecs (M6)', Buffer.concat([times(64, bytes('aa0100')), bytes('5a00')]), true],
    ['65 Tokens (M6)', times(65, bytes('aa0100')), false],
    ['64 MyEnds in each of two Tokens (M6)', times(2, delimited(21, times(64, bytes('320161')))), true],
    [
      '65 MyEnds in the second of two Tokens (M6)',
      Buffer.concat([64, 65].map((n) => delimited(21, times(n, bytes('320161'))))),
      false,
    ],
    ['field number 2^29-1 (M7)', numeric(2 ** 29 - 1, 0n), true],
    ['field number 2^29 (M7)', numeric(2 ** 29, 0n), false],
    ['a uint32 field of 2^32-1 (M7)', numeric(15, 2n ** 32n - 1n), true],
    ['a uint32 field of 2^32 (M7)', numeric(15, 2n ** 32n), false],
    ['a uint64 field of 2^64-1 (M7)', numeric(20, 2n ** 64n - 1n), true],
    ['a uint64 field of 2^64 (M7)', numeric(20, 2n ** 64n), false],
    ['a byte order mark in a name (M4)', delimited(14, bytes('efbbbf61')), true],
    ['NUL in bytes (M4)', delimited(13, bytes('00')), true],
    ['NUL in a string of a Token (M4)', delimited(21, delimited(1, bytes('00'))), false],
    ['NUL in a string of an unknown field (M4)', delimited(18, bytes('00')), true],
  ])('%s', (_, fields, isMessage) => {
    expect(found(pad(Buffer.concat([BYE, fields]))) !== undefined).toBe(isMessage);
  });
});

describe('laws', () => {
  const NONE = Buffer.alloc(0);
  const another = messageBytes.map((message) => pad(message));
  const behind = fc.array(another, { maxLength: 3 }).map((messages) => Buffer.concat(messages));

  it("finds a padded message's end, whatever follows it (F5)", () => {
    fc.assert(
      fc.property(messageBytes, fc.oneof(fc.constant(NONE), behind, fc.uint8Array()), (message, rest) => {
        const op = opOfMessage(message);
        fc.pre(op !== undefined && !message.includes(Buffer.alloc(8, 0x08)));
        const all = Buffer.concat([pad(message), rest]);
        const there = found(all)!;
        expect(there).toMatchObject({ end: message.length, paddedEnd: pad(message).length });
        expect(judged(there.op)).toBe(judged(op!));
      }),
      { numRuns: 500 },
    );
  });

  it('finds no message cut at an earlier block boundary, but behind eight bytes of 08 (F5)', () => {
    fc.assert(
      fc.property(messageBytes, (message) => {
        fc.pre(opOfMessage(message) !== undefined);
        const padded = pad(message);
        for (let cut = 0; cut < padded.length; cut += 16) {
          const there = found(padded.subarray(0, cut));
          if (there === undefined) continue;
          const { end, paddedEnd } = there;
          expect(padded.subarray(end, paddedEnd).toString('hex')).toBe('08'.repeat(8));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with the rules, also on bytes that were tampered with (F5)', () => {
    const change = fc.oneof(
      fc.record({ at: fc.nat(400), byte: fc.nat(255) }),
      fc.record({ at: fc.nat(400), byte: fc.constantFrom(0, 1, 8, 10, 16, 0x7f, 0x80, 0xff) }),
    );
    const tampered = fc
      .record({ message: messageBytes, rest: behind, changes: fc.array(change, { maxLength: 3 }), lost: fc.nat(20) })
      .map(({ message, rest, changes, lost }) => {
        const plain = Buffer.concat([pad(message), rest]);
        for (const { at, byte } of changes) plain[at % plain.length] = byte;
        return lost > 16 ? plain.subarray(0, plain.length - lost) : plain;
      });
    fc.assert(
      fc.property(tampered, (plain) => {
        const slowly = findSlowly(plain, 0);
        const there = found(plain);
        expect(there && { ...there, op: judged(there.op) }).toEqual(slowly && { ...slowly, op: judged(slowly.op) });
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds nothing in random bytes, and never throws (F5)', () => {
    const random = fc.uint8Array({ maxLength: 400, size: 'max' });
    fc.assert(
      fc.property(random, fc.constantFrom(0, 16), (plain, start) => {
        fc.pre(findSlowly(plain, start) === undefined);
        expect(findMessage(plain, start)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The first attempt of a sequence that finds a message, and all attempts with their hints. */
function scanInSegments(plain: Uint8Array, start: number, cuts: readonly number[]) {
  let state = scanFrom(start);
  const attempts: { readonly cut: number; readonly needed: number }[] = [];
  for (const cut of cuts) {
    const from = state.at - (state.at % 16);
    const scanned = scanMessage(plain.subarray(from, cut), { ...state, at: state.at - from });
    if (scanned.end !== undefined) {
      return { cut, end: from + scanned.end, paddedEnd: from + scanned.paddedEnd, attempts };
    }
    state = { ...scanned.state, at: from + scanned.state.at };
    attempts.push({ cut, needed: from + scanned.needed });
  }
  return { cut: undefined, attempts };
}

describe('a scan in segments', () => {
  const blocks = (plain: Uint8Array, least: number) =>
    Array.from({ length: Math.floor((plain.length - least) / 16) + 1 }, (_, count) => least + 16 * count);
  const kinds = fc.oneof(
    { weight: 4, arbitrary: messageBytes.map((message) => pad(message)) },
    // Bytes that parse and are no message: empty fields, tokens, eights, cut headers, an Op in between.
    {
      weight: 3,
      arbitrary: fc
        .array(
          fc.constantFrom(
            ...['7200', 'aa0100', '5a00', 'aa010432023a3a', '08', '0808080808080808', '080b', '0d0d', '3801', '38'],
            ...['72848000', '7204f09f9880', '7202c3', 'aa0103120101', 'ffffffff0f', '80', '7280', '10', '01', '0e'],
          ),
          { maxLength: 120 },
        )
        .map((parts) => pad(bytes(parts.join('')))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((plain) => Buffer.from(plain)) },
  );
  const several = fc.array(kinds, { minLength: 1, maxLength: 3 }).map((parts) => {
    const plain = Buffer.concat(parts);
    return plain.subarray(0, plain.length - (plain.length % 16));
  });

  it('gives the verdict of a scan from the start at every cut, whatever the segments (F5)', () => {
    let [found, unfinished] = [0, 0];
    fc.assert(
      fc.property(several, fc.constantFrom(0, 16), fc.infiniteStream(fc.boolean()), (rest, start, stream) => {
        const plain = Buffer.concat([RUBBISH.subarray(0, start), rest]);
        const cuts = blocks(plain, 16).filter(() => stream.next().value);
        const scanned = scanInSegments(plain, start, cuts);
        const slowly = cuts.find((cut) => findMessage(plain.subarray(0, cut), start) !== undefined);
        expect(scanned.cut).toBe(slowly);
        if (slowly === undefined) unfinished += 1;
        else found += 1;
        const whole = findMessage(plain, start);
        if (slowly !== undefined) expect(scanned).toMatchObject({ end: whole!.end, paddedEnd: whole!.paddedEnd });
        for (const { cut, needed } of scanned.attempts) {
          expect(needed % 16 === 0 || needed === Infinity).toBe(true);
          expect(needed).toBeGreaterThan(cut);
          // The front end waits for this many bytes. They must never reach beyond the end of a message.
          if (whole) expect(needed).toBeLessThanOrEqual(whole.paddedEnd);
        }
      }),
      { numRuns: 4_000 },
    );
    expect(found).toBeGreaterThan(500);
    expect(unfinished).toBeGreaterThan(500);
  });

  it('needs no further attempt once no bytes can complete the message (F5, M4 to M7)', () => {
    const scanned = (hex: string) => scanMessage(pad(bytes(hex)), scanFrom(0)) as UnfinishedScan;
    for (const { bytes: hex } of vectors.notMessages.filter(({ reason }) => !/Op/.test(reason))) {
      expect([16, Infinity].some((least) => scanned(hex).needed >= least)).toBe(true);
    }
    for (const hex of ['0b', '0e', '00', '720100', '7201c3', 'aa01021200', '7a8080808010']) {
      expect(scanned(`080b${hex}`).needed, hex).toBe(Infinity);
    }
  });

  it('needs all bytes of a field of known length, and the padding behind it', () => {
    const scanned = (hex: string) => scanMessage(bytes(hex), scanFrom(0)) as UnfinishedScan;
    expect(scanned(`080b6a${'64'}${'00'.repeat(12)}`).needed).toBe(112);
    expect(scanned(`080b6a${'0c'}${'00'.repeat(12)}`).needed).toBe(32);
    expect(scanned(`080b6a${'1c'}${'00'.repeat(12)}`).needed).toBe(48);
  });

  it('costs no more in 1,024 segments than a few scans in one (F4)', () => {
    const plain = Buffer.alloc(16_384, bytes('7200'));
    const cuts = blocks(plain, 16);
    const dribbled = fastest(1, () => scanInSegments(plain, 0, cuts));
    expect(dribbled).toBeLessThan(20 * fastest(1, () => findMessage(plain, 0)));
  });
});

it('spends no more on deeply nested groups than on any message of that size (M7)', () => {
  const nested = pad(Buffer.concat([BYE, Buffer.alloc(8_180, 0x3b), Buffer.alloc(8_180, 0x3c)]));
  const ordinary = pad(Buffer.alloc(16_000, bytes('0801')));
  expect(findMessage(nested, 0)).toBeUndefined();
  expect(findMessage(pad(Buffer.alloc(16_000, 0x3b)), 0)).toBeUndefined();
  expect(findMessage(ordinary, 0)?.op).toBe(1);
  expect(fastest(20, () => findMessage(nested, 0))).toBeLessThan(fastest(20, () => findMessage(ordinary, 0)));
});

it('spends time proportional to the bytes (F4)', () => {
  const small = pad(Buffer.alloc(1_000, bytes('0801')));
  const large = pad(Buffer.alloc(16_000, bytes('0801')));
  const [one, sixteen] = [fastest(10, () => findMessage(small, 0)), fastest(10, () => findMessage(large, 0))];
  expect(sixteen).toBeLessThan(16 * 4 * one);
});

it('takes numbers from 32 on as unknown fields in the old dialects, and checks them in sealed (M5)', () => {
  // Op Bye, then field 32 as four bytes, which no uint32 is encoded as.
  const strange = bytes('080b850201020304');
  expect(findMessage(pad(strange), 0)).toMatchObject({ end: strange.length, op: Op.Bye });
  expect(checkWholeMessage(strange)).toBeUndefined();
  expect(checkWholeMessage(BYE)).toBe(Op.Bye);
  for (const none of ['', '080b08', '0801ff']) expect(checkWholeMessage(bytes(none))).toBeUndefined();
});

it.each([
  ['TokenSpecs', 51, ''],
  ['TokenHashes', 52, 'ff'],
])('allows 64 %s in sealed, not 65 (M6)', (_, number, value) => {
  const message = (count: number) =>
    Buffer.concat([BYE, ...Array.from({ length: count }, () => delimited(number, bytes(value)))]);
  expect(checkWholeMessage(message(64))).toBe(Op.Bye);
  expect(checkWholeMessage(message(65))).toBeUndefined();
});

it('checks the fields of a TokenSpec (M7)', () => {
  expect(checkWholeMessage(Buffer.concat([BYE, delimited(51, numeric(2, 3n))]))).toBe(Op.Bye);
  expect(checkWholeMessage(Buffer.concat([BYE, delimited(51, delimited(2, bytes('03')))]))).toBeUndefined();
});

it('has the field tables of the schema (M1)', () => {
  expect([...MESSAGE_FIELDS, ...SEALED_MESSAGE_FIELDS]).toEqual([...kindsOf(messageType)]);
  expect([...TOKEN_FIELDS, ...SEALED_TOKEN_FIELDS]).toEqual([...kindsOf(tokenType)]);
  expect([...TOKEN_SPEC_FIELDS]).toEqual([...kindsOf(tokenSpecType)]);
});

it('limits each repeated field of the schema (M6)', () => {
  const repeated = (type: typeof messageType) => type.fieldsArray.filter((field) => field.repeated).map(({ id }) => id);
  expect(repeated(messageType)).toEqual([21, 51, 52]);
  expect(repeated(tokenSpecType)).toEqual([]);
  expect(repeated(tokenType)).toEqual([6]);
});

it('has the Ops of the schema (M2)', () => {
  expect(Op).toEqual(opNumbers);
});
