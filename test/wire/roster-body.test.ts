// The roster body (W2) against a second, small encoder, and the signature over it (W3): no byte of either may change.
import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRosterBody,
  encodeRosterBody,
  type RosterBody,
  signRosterBody,
  verifyRosterBody,
} from '../../src/wire/roster-body.ts';
import { newKey } from '../support/made-keys.ts';

const KINDS = ['empty', 'stated', 'unstated'];
const hex = (value: number | bigint, bytes: number) => value.toString(16).padStart(bytes * 2, '0');

/** Writes a body as hex, digit by digit as W2 has it. */
function bodyInHex({ registryId, clusterId, name, term, epoch, time, before, seats }: RosterBody): string {
  const plain = (part: Uint8Array) => Buffer.from(part).toString('hex');
  const field = (part: Uint8Array) => hex(part.length, 2) + plain(part);
  const head = `${plain(Buffer.from('xlReg roster body 1'))}00`;
  const named = field(registryId) + field(clusterId) + field(Buffer.from(name));
  const counted = hex(seats.length, 1) + hex(term, 8) + hex(epoch, 8) + hex(time, 8) + plain(before);
  return head + named + counted + seats.map(({ kind, digest }) => hex(KINDS.indexOf(kind), 1) + plain(digest)).join('');
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const id = fc.oneof(bytes(20), bytes(32));
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const seat = fc.oneof(
  fc.constant({ kind: 'empty' as const, digest: new Uint8Array(32) }),
  fc.record({ kind: fc.constantFrom('stated' as const, 'unstated' as const), digest: bytes(32) }),
);
const body: fc.Arbitrary<RosterBody> = fc.record({
  ...{ registryId: id, clusterId: id, name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/) },
  ...{ term: number, epoch: number, time: number, before: bytes(32) },
  seats: fc.array(seat, { minLength: 2, maxLength: 64 }),
});

/** Fields as comparable values. */
const plainOf = (fields: RosterBody | undefined) => fields && bodyInHex(fields);

const sample: RosterBody = {
  ...{ registryId: Buffer.alloc(32, 1), clusterId: Buffer.alloc(32, 2), name: 'web', term: 1, epoch: 258, time: 3 },
  before: Buffer.alloc(32, 4),
  seats: [
    { kind: 'stated', digest: Buffer.alloc(32, 5) },
    { kind: 'empty', digest: Buffer.alloc(32) },
    { kind: 'unstated', digest: Buffer.alloc(32, 6) },
  ],
};

describe('a roster body', () => {
  it('has the bytes of W2, and is decoded to its fields', () => {
    fc.assert(
      fc.property(body, (fields) => {
        const encoded = encodeRosterBody(fields);
        expect(encoded.toString('hex')).toBe(bodyInHex(fields));
        expect(plainOf(decodeRosterBody(encoded))).toBe(bodyInHex(fields));
      }),
    );
  });

  it('has the digest of this vector', () => {
    const digest = createHash('sha256').update(encodeRosterBody(sample)).digest('hex');
    expect(digest).toBe(
      createHash('sha256')
        .update(Buffer.from(bodyInHex(sample), 'hex'))
        .digest('hex'),
    );
    expect(digest).toBe('f19679898230540b25f6537b3dcd922d1cf4eedc253128fcfb9c84f0ca6691ba');
  });

  it('is not one if it is cut anywhere, or longer', () => {
    const encoded = encodeRosterBody(sample);
    for (let length = 0; length < encoded.length; length++) {
      expect(decodeRosterBody(encoded.subarray(0, length))).toBeUndefined();
    }
    expect(decodeRosterBody(Buffer.concat([encoded, Buffer.of(0)]))).toBeUndefined();
  });

  it.each<{ what: string; change: Partial<RosterBody> }>([
    { what: 'a name that breaks T2', change: { name: '.x' } },
    { what: 'an ID of 31 bytes', change: { clusterId: Buffer.alloc(31) } },
    { what: 'term 0', change: { term: 0 } },
    { what: 'epoch 0', change: { epoch: 0 } },
    { what: 'one seat', change: { seats: sample.seats.slice(0, 1) } },
    { what: '65 seats', change: { seats: Array.from({ length: 65 }, () => sample.seats[0]!) } },
    {
      what: 'an empty seat with a digest',
      change: { seats: [sample.seats[0]!, { kind: 'empty', digest: Buffer.alloc(32, 1) }] },
    },
  ])('is not one with $what', ({ change }) => {
    expect(decodeRosterBody(Buffer.from(bodyInHex({ ...sample, ...change }), 'hex'))).toBeUndefined();
  });

  it('is not one with a kind of seat above 2', () => {
    const encoded = encodeRosterBody(sample);
    encoded[encoded.length - 33] = 3;
    expect(decodeRosterBody(encoded)).toBeUndefined();
  });
});

describe('the signature of a body', () => {
  const privateKey = newKey();
  const publicKey = createPublicKey(privateKey);
  const encoded = encodeRosterBody(sample);
  const signature = signRosterBody(privateKey, encoded);

  it('is PSS over the prefix and the digest (W3)', () => {
    const signed = Buffer.concat([Buffer.from('xlReg roster 1\0'), createHash('sha256').update(encoded).digest()]);
    const key = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', signed, key, signature)).toBe(true);
  });

  it('fails if any one byte of the body or of itself changes', () => {
    expect(verifyRosterBody(publicKey, encoded, signature)).toBe(true);
    for (const [part, verified] of [
      [encoded, (changed: Buffer) => verifyRosterBody(publicKey, changed, signature)],
      [signature, (changed: Buffer) => verifyRosterBody(publicKey, encoded, changed)],
    ] as const) {
      for (let at = 0; at < part.length; at++) {
        const changed = Buffer.from(part);
        changed[at]! ^= 1;
        expect(verified(changed), `byte ${at}`).toBe(false);
      }
    }
  });
});
