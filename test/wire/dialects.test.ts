// The dialects' HelloReply (H6, H8) and messages (H7, H9): against bytes made by openssl, and as laws.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decryptBlocks, isPaddedAt, pad } from '../../src/wire/aes-cbc.ts';
import type { RandomBytes, SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { type Hello, parseHello } from '../../src/wire/hello.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import { bytes, encodedMessage, vectors } from './vectors.ts';

const NAMES = ['chained', 'prefixed'] as const;

/** A random source that returns the vector's bytes of the wanted length. */
function giving(parts: readonly (string | undefined)[]): RandomBytes {
  return (count) => bytes(parts.find((part) => part?.length === count * 2)!);
}

/** The block that encrypts to this IV. */
function becoming(iv: string, key: Uint8Array): string {
  return hex(decryptBlocks(key, new Uint8Array(16), bytes(iv)));
}

function helloFor(dialect: 'chained' | 'prefixed'): Hello {
  return parseHello(bytes(vectors.hellos.find((hello) => hello.dialect === dialect)!.plaintext))!;
}

function hex(part: Uint8Array): string {
  return Buffer.from(part).toString('hex');
}

function described({ dialect, key2, receiveChain, sendChain }: SessionKeys) {
  return { dialect, key2: hex(key2), receiveChain: hex(receiveChain), sendChain: hex(sendChain) };
}

const arbitraryBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const arbitraryHello = (dialect: 'chained' | 'prefixed'): fc.Arbitrary<Hello> =>
  fc.record({
    dialect: fc.constant(dialect),
    iv1: dialect === 'chained' ? arbitraryBytes(16) : fc.constant(undefined),
    key1: arbitraryBytes(32),
    salt1: arbitraryBytes(8),
    version1: fc.nat({ max: 2 ** 32 - 1 }),
  });

describe.each(vectors.helloReplies)('$dialect HelloReply', (vector) => {
  const dialect = DIALECTS[vector.dialect];
  const hello = helloFor(vector.dialect);
  const version2 = bytes(vector.version2).readUInt32LE();
  const rule = vector.dialect === 'chained' ? 'H6' : 'H8';
  const chain = vector.iv2 ?? '';
  const keys = { dialect: vector.dialect, key2: vector.key2, receiveChain: chain, sendChain: chain };

  it(`seals to the bytes of the vector (${rule})`, () => {
    const random = giving([vector.iv2 ?? vector.iv, vector.key2, vector.salt2]);
    const sealed = dialect.sealHelloReply(hello, version2, random);
    expect(hex(sealed.bytes)).toBe(vector.wire);
    expect(sealed.bytes.length).toBe(dialect.helloReplyBytes);
    expect(described(sealed.keys)).toEqual(keys);
    expect(hex(sealed.salt2)).toBe(vector.salt2);
  });

  it(`opens to the registry's keys and salt (${rule})`, () => {
    const opened = dialect.openHelloReply(hello, bytes(vector.wire))!;
    expect(described(opened.keys)).toEqual(keys);
    expect(hex(opened.salt2)).toBe(vector.salt2);
    expect(opened.version2).toBe(version2);
  });

  it(`rejects another length, another key1, or a broken end (${rule})`, () => {
    const wire = bytes(vector.wire);
    const broken = Buffer.from(wire);
    broken[broken.length - 1]! ^= 1;
    expect(dialect.openHelloReply(hello, wire.subarray(0, -16))).toBeUndefined();
    expect(dialect.openHelloReply(hello, Buffer.concat([wire, wire.subarray(-16)]))).toBeUndefined();
    expect(dialect.openHelloReply(hello, Buffer.alloc(0))).toBeUndefined();
    expect(dialect.openHelloReply({ ...hello, key1: Buffer.alloc(32) }, wire)).toBeUndefined();
    expect(dialect.openHelloReply(hello, broken)).toBeUndefined();
  });
});

it('rejects a chained HelloReply that echoes another salt1 (H6)', () => {
  const hello = helloFor('chained');
  const wire = bytes(vectors.helloReplies.find((reply) => reply.dialect === 'chained')!.wire);
  const salt1 = Buffer.from(hello.salt1);
  salt1[7]! ^= 0x80;
  expect(DIALECTS.chained.openHelloReply({ ...hello, salt1 }, wire)).toBeUndefined();
});

describe.each(NAMES)('%s', (name) => {
  const dialect = DIALECTS[name];

  it('opens every HelloReply that a registry seals (H6, H8)', () => {
    fc.assert(
      fc.property(arbitraryHello(name), fc.nat({ max: 2 ** 32 - 1 }), (hello, version2) => {
        const sealed = dialect.sealHelloReply(hello, version2, randomBytes);
        const opened = dialect.openHelloReply(hello, sealed.bytes)!;
        expect(sealed.bytes.length).toBe(dialect.helloReplyBytes);
        expect(described(opened.keys)).toEqual(described(sealed.keys));
        expect(hex(opened.salt2)).toBe(hex(sealed.salt2));
        expect(opened.version2).toBe(version2);
      }),
    );
  });

  it('starts a session with new keys for the same Hello (H10)', () => {
    const [one, two] = [0, 1].map(() => dialect.sealHelloReply(helloFor(name), 1, randomBytes));
    expect(hex(one!.keys.key2)).not.toBe(hex(two!.keys.key2));
    expect(hex(one!.salt2)).not.toBe(hex(two!.salt2));
    expect(hex(one!.bytes)).not.toBe(hex(two!.bytes));
  });

  it('decrypts messages in both directions as they were encrypted, each direction by itself (H7, H9)', () => {
    const plaintext = fc.uint8Array({ maxLength: 100 });
    const sent = fc.array(fc.record({ plaintext, toRegistry: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(arbitraryHello(name), sent, (hello, messages) => {
        const reply = dialect.sealHelloReply(hello, 1, randomBytes);
        let registry = reply.keys;
        let client = dialect.openHelloReply(hello, reply.bytes)!.keys;
        for (const { plaintext, toRegistry } of messages) {
          const sealed = dialect.encrypt(toRegistry ? client : registry, randomBytes, plaintext);
          const opened = dialect.decrypt(toRegistry ? registry : client, sealed.bytes);
          expect(hex(opened.subarray(dialect.ivBytes))).toBe(hex(pad(plaintext)));
          const received = dialect.received(toRegistry ? registry : client, sealed.bytes);
          [client, registry] = toRegistry ? [sealed.keys, received] : [received, sealed.keys];
        }
      }),
    );
  });

  it('decrypts a message independently of the bytes behind it (F1)', () => {
    const hello = helloFor(name);
    const { keys } = dialect.sealHelloReply(hello, 1, randomBytes);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 2, maxLength: 5 }), (plaintexts) => {
        let sender: SessionKeys = { ...keys, sendChain: keys.receiveChain };
        const wires = plaintexts.map((plaintext) => {
          const sealed = dialect.encrypt(sender, randomBytes, plaintext);
          sender = sealed.keys;
          return sealed.bytes;
        });
        let receiver = keys;
        for (const [i, plaintext] of plaintexts.entries()) {
          const opened = dialect.decrypt(receiver, Buffer.concat(wires.slice(i)));
          const end = wires[i]!.length;
          expect(hex(opened.subarray(dialect.ivBytes, end))).toBe(hex(pad(plaintext)));
          receiver = dialect.received(receiver, Buffer.concat(wires.slice(i)).subarray(0, end));
        }
      }),
    );
  });
});

describe.each(vectors.conversations)('a $dialect conversation', ({ dialect: name, toRegistry, toClient }) => {
  const dialect = DIALECTS[name];
  const rule = name === 'chained' ? 'H7' : 'H9';
  const reply = vectors.helloReplies.find((vector) => vector.dialect === name)!;
  const { keys } = dialect.openHelloReply(helloFor(name), bytes(reply.wire))!;

  describe.each([
    ['to the registry', toRegistry],
    ['to the client', toClient],
  ] as const)('%s', (_, sent) => {
    it(`encrypts to the bytes of the vector (${rule})`, () => {
      let sender = keys;
      for (const { message, iv, wire } of sent) {
        const sealed = dialect.encrypt(sender, giving([becoming(iv, sender.key2)]), encodedMessage(message));
        expect(hex(sealed.bytes)).toBe(wire);
        sender = sealed.keys;
      }
    });

    it(`finds and decrypts message by message (${rule}, F5)`, () => {
      let receiver = keys;
      for (const { message, wire } of sent) {
        const plain = dialect.decrypt(receiver, bytes(wire));
        const found = findMessage(plain, dialect.ivBytes)!;
        expect(hex(plain.subarray(dialect.ivBytes, found.end))).toBe(hex(encodedMessage(message)));
        expect(found.paddedEnd).toBe(wire.length / 2);
        receiver = dialect.received(receiver, bytes(wire));
      }
    });

    it(`finds message by message in bytes that came at once (${rule}, F5)`, () => {
      let receiver = keys;
      let rest = bytes(sent.map(({ wire }) => wire).join(''));
      for (const { message } of sent) {
        const plain = dialect.decrypt(receiver, rest);
        const found = findMessage(plain, dialect.ivBytes)!;
        expect(hex(plain.subarray(dialect.ivBytes, found.end))).toBe(hex(encodedMessage(message)));
        receiver = dialect.received(receiver, rest.subarray(0, found.paddedEnd));
        rest = rest.subarray(found.paddedEnd);
      }
      expect(rest.length).toBe(0);
    });
  });
});

describe('padding', () => {
  it('is 1 to 16 bytes of its length, a whole block behind a full last block (F2)', () => {
    for (let length = 0; length <= 48; length++) {
      const padded = pad(Buffer.alloc(length, 0xaa));
      const added = padded.length - length;
      expect(added).toBe(16 - (length % 16));
      expect(hex(padded.subarray(length))).toBe(added.toString(16).padStart(2, '0').repeat(added));
      expect(isPaddedAt(padded, length)).toBe(true);
    }
  });

  it('is rejected if a byte differs or is missing (F2)', () => {
    for (let length = 0; length < 32; length++) {
      const padded = pad(Buffer.alloc(length));
      expect(isPaddedAt(padded.subarray(0, -1), length)).toBe(false);
      for (let at = length; at < padded.length; at++) {
        const broken = Buffer.from(padded);
        broken[at]! ^= 1;
        expect(isPaddedAt(broken, length)).toBe(false);
      }
    }
  });
});
