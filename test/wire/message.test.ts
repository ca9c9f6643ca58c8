// Encodes and decodes messages (M1, M2, M9, M10, R10): over the vectors, and against protobufjs' reading of the schema.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pad } from '../../src/wire/aes-cbc.ts';
import {
  bigintOf,
  decodeMessage,
  decodeRoster,
  encodeMessage,
  encodeRosterToken,
  isOldOp,
  isOp,
  longOf,
  type Message,
  Op,
  opName,
} from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import { arbitraryMessage, arbitraryToken, delimited, messageBytes, uint64, varint } from './arbitrary-messages.ts';
import { messageType } from './schema.ts';
import { opOfMessage } from './slow-finder.ts';
import { bytes, type Fields, fieldsOf, messageOf, tokenFieldsOf, vectors } from './vectors.ts';

const BYE = bytes('080b');

/** The fields that protobufjs reads by reflection on the schema, written as in the vectors. */
function reflected(encoded: Uint8Array): Fields {
  return fieldsOf(messageType.toObject(messageType.decode(encoded)) as Message);
}

describe.each(vectors.messages)('$name', ({ fields, encoded }) => {
  it('decodes to its fields (M1)', () => {
    expect(fieldsOf(decodeMessage(bytes(encoded))!)).toEqual(fields);
  });

  it('encodes to its bytes (M1)', () => {
    expect(Buffer.from(encodeMessage(messageOf(fields))).toString('hex')).toBe(encoded);
  });

  it('leaves every missing field absent, without a default (M2)', () => {
    const message: Message = decodeMessage(bytes(encoded))!;
    for (const name of ['Op', 'Which', 'ClientID', 'ClusterName', 'EndPointCount', 'ClientSpecs', 'DigSig'] as const) {
      expect(message[name] === null || message[name] === undefined).toBe(!(name in fields));
    }
  });
});

it.each(vectors.unusualMessages)('decodes with its Op: $reason (M5 to M10)', ({ op, encoded }) => {
  expect(decodeMessage(bytes(encoded))?.Op).toBe(op);
});

it('takes the last of a repeated field (M9)', () => {
  const twice = Buffer.concat([encodeMessage({ Op: 5, ClusterName: 'a', ClusterSize: 3 })]);
  const again = encodeMessage({ Op: 7, ClusterName: 'b' });
  expect(fieldsOf(decodeMessage(Buffer.concat([twice, again]))!)).toEqual({ Op: 7, ClusterName: 'b', ClusterSize: 3 });
});

it('keeps uint64 fields exact over all 64 bits (M10)', () => {
  fc.assert(
    fc.property(uint64, uint64, uint64, (which, attrs, clusterAttrs) => {
      const encoded = encodeMessage({
        Op: 9,
        Which: longOf(which),
        ClientAttrs: longOf(attrs),
        ClusterAttrs: longOf(clusterAttrs),
        ClientSpecs: { Attrs: longOf(attrs) },
      });
      const message = decodeMessage(encoded)!;
      expect(bigintOf(message.Which)).toBe(which);
      expect(bigintOf(message.ClientAttrs)).toBe(attrs);
      expect(bigintOf(message.ClusterAttrs)).toBe(clusterAttrs);
      expect(bigintOf(message.ClientSpecs?.Attrs)).toBe(attrs);
      expect(reflected(encoded)).toMatchObject({ Which: `${which}`, ClientAttrs: `${attrs}` });
    }),
  );
});

it('keeps numbers around every power of two, which doubles cannot (M10)', () => {
  for (let power = 0n; power <= 64n; power++) {
    for (const value of [2n ** power - 1n, 2n ** power, 2n ** power + 1n]) {
      if (value >= 2n ** 64n) continue;
      expect(bigintOf(longOf(value))).toBe(value);
      expect(bigintOf(decodeMessage(encodeMessage({ Op: 9, Which: longOf(value) }))!.Which)).toBe(value);
    }
  }
  expect(bigintOf(undefined)).toBe(0n);
  expect(bigintOf(null)).toBe(0n);
});

it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'Op', '\ufeffbom', 'é', '😀'])(
  'treats %s as text like any other (T2, M4)',
  (name) => {
    const encoded = encodeMessage({ Op: 5, ClusterName: name, ClientSpecs: { Name: name, MyEnds: [name] } });
    const message = decodeMessage(encoded)!;
    expect([message.ClusterName, message.ClientSpecs?.Name, message.ClientSpecs?.MyEnds]).toEqual([name, name, [name]]);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  },
);

it('decodes what it encodes to the same, and so does reflection on the schema (M1)', () => {
  fc.assert(
    fc.property(arbitraryMessage, (message) => {
      const encoded = encodeMessage(message);
      const fields = fieldsOf(message);
      expect(fieldsOf(decodeMessage(encoded)!)).toEqual(fields);
      expect(reflected(encoded)).toEqual(fields);
      expect(Buffer.from(encoded).equals(messageType.encode(message).finish())).toBe(true);
      expect(findMessage(pad(encoded), 0)).toMatchObject({ end: encoded.length, op: message.Op });
    }),
    { numRuns: 300 },
  );
});

it('decodes every message found, to the Op found (M5, M7, M9)', () => {
  fc.assert(
    fc.property(messageBytes, (encoded) => {
      const op = opOfMessage(encoded);
      fc.pre(op !== undefined);
      const message = decodeMessage(encoded);
      expect(message).toBeDefined();
      expect(fieldsOf(message!)).toEqual(reflected(encoded));
      if (op! >= 1n && op! <= 13n) expect(message!.Op).toBe(Number(op));
    }),
    { numRuns: 500 },
  );
});

it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'finds a message exactly if it decodes, with a tag or a length of %i bytes (M7)',
  (length) => {
    const padded = (value: bigint) => varint(value, length);
    for (const [what, field] of [
      ['a tag', Buffer.concat([padded(14n * 8n + 2n), bytes('0163')])],
      ['a tag of an unknown field', Buffer.concat([padded(7n * 8n), bytes('01')])],
      ['a length', Buffer.concat([bytes('72'), padded(1n), bytes('63')])],
      ['a length of an unknown field', Buffer.concat([bytes('3a'), padded(1n), bytes('63')])],
      ['a tag within a Token', delimited(11, Buffer.concat([padded(8n * 8n), bytes('01')]))],
    ] as const) {
      const encoded = Buffer.concat([BYE, field]);
      const found = findMessage(pad(encoded), 0)?.end === encoded.length;
      expect(decodeMessage(encoded)?.Op === 11, what).toBe(found);
      if (length <= 5) expect(found, what).toBe(true);
    }
  },
);

it('rejects bytes that the library rejects, and never throws (E1)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (encoded) => {
      expect(() => decodeMessage(encoded)).not.toThrow();
    }),
  );
  expect(decodeMessage(bytes('0a'))).toBeUndefined();
});

describe('rosters', () => {
  it("keeps each field of a roster's token but DigSig (R10)", () => {
    fc.assert(
      fc.property(arbitraryToken, (token) => {
        const [given] = decodeRoster(encodeRosterToken(token));
        const { DigSig: _, ...rest } = tokenFieldsOf(token);
        expect(tokenFieldsOf(given!)).toEqual(rest);
      }),
    );
  });

  it('has no DigSig in the bytes of a roster (R10)', () => {
    const { fields } = vectors.tokens[3]!;
    const roster = Buffer.from(encodeRosterToken(messageOf(fields)));
    expect(roster.includes(bytes(fields.DigSig as string))).toBe(false);
    expect(roster.includes(bytes(fields.SigKey as string))).toBe(true);
  });

  it('reads tokens behind a ClusterMembers message as its Tokens, in order (R8)', () => {
    fc.assert(
      fc.property(fc.array(arbitraryToken, { maxLength: 5 }), (tokens) => {
        const roster = Buffer.concat(tokens.map(encodeRosterToken));
        const head = encodeMessage({ Op: Op.ClusterMembers, ClusterSize: 5 });
        const message = decodeMessage(Buffer.concat([head, roster]))!;
        const without = tokens.map(({ DigSig: _, ...token }) => token);
        expect(fieldsOf(message)).toEqual(fieldsOf({ Op: 10, ClusterSize: 5, Tokens: without }));
        expect(decodeRoster(roster).map(tokenFieldsOf)).toEqual(without.map(tokenFieldsOf));
      }),
    );
  });

  it("has the bytes of the vector's roster (R10)", () => {
    const { fields, encoded } = vectors.messages.find(({ name }) => name === 'ClusterMembers')!;
    const [token] = fields.Tokens as Fields[];
    const head = encodeMessage(messageOf({ ...fields, Tokens: [] }));
    const signed = { ...messageOf(token!), DigSig: Buffer.alloc(256) };
    expect(Buffer.concat([head, encodeRosterToken(signed)]).toString('hex')).toBe(encoded);
  });
});

it('names the Ops of the RSA dialects and those of sealed (M2)', () => {
  for (const [name, op] of Object.entries(Op)) expect(opName(op)).toBe(name);
  for (const op of [1, 13, 32, 37]) expect(isOp(op)).toBe(true);
  for (const op of [1, 13]) expect(isOldOp(op)).toBe(true);
  for (const op of [0, -1, 14, 31, 38, 2 ** 32 + 3, 2 ** 64, Number.NaN]) expect(isOp(op)).toBe(false);
  for (const op of [0, 14, 32, 37]) expect(isOldOp(op)).toBe(false);
});
