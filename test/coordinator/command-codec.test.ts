// The codec of commands and replies in a slot: each returns what was written, and a command shares no memory with the
// slot.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { originOf, readCommand, readReply, writeCommand, writeReply } from '../../src/coordinator/command-codec.ts';
import { REFUSAL_TEXT, type Refusal } from '../../src/errors.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import type { TokenSpec, TokenState } from '../../src/registry/join-token-spec.ts';

const id = fc.uint8Array({ minLength: 1, maxLength: 33 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
const token = fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Uint8Array.from(bytes));
const long = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const byte = fc.nat(64);
const version = fc.maxSafeNat();
const cluster = fc.oneof(fc.record({ id }), fc.record({ name }));
/** Absent, 0, or within the bounds. */
const confirmMs = fc.constantFrom({}, { confirmMs: 0 }, { confirmMs: 15_000 }, { confirmMs: 3_600_000 });
const properties = { id, size: byte, endPointCount: byte, attrs: long };
const shown = fc.tuple(fc.record(properties), confirmMs).map(([fields, time]) => ({ ...fields, ...time }));
const roundId = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const round = fc.option(roundId, { nil: undefined });

const claim = fc.option(
  fc
    .record({ time: fc.nat(2 ** 31), token: fc.option(fc.oneof(id, fc.constant('')), { nil: undefined }) })
    .map(({ time, token }) => ({ time, ...(token !== undefined && { token }) })),
  { nil: undefined },
);
const uses = fc.integer({ min: 1, max: 1_024 });
const flags = fc.record(
  { replace: fc.constant(true as const), observer: fc.constant(true as const), forName: name },
  { requiredKeys: [] },
);
const tokenSpec = fc
  .tuple(fc.record({ hash: id, ttlMs: fc.maxSafeNat() }), flags, fc.record({ uses }, { requiredKeys: [] }))
  .map((parts): TokenSpec => Object.assign({}, ...parts));
const tokenState = fc
  .tuple(
    fc.record({ hash: id, uses, left: fc.nat(1_024) }),
    flags,
    fc.record({ ttlMs: fc.nat(2 ** 31) }, { requiredKeys: [] }),
  )
  .map((parts): TokenState => Object.assign({}, ...parts));
const tokenSpecs = fc.array(tokenSpec, { minLength: 1, maxLength: 3 });

/** Leaves an absent part out, as the codec does. */
function withPart<T extends object, K extends string, V>(whole: T, key: K, part: V | undefined): T {
  return part === undefined ? whole : { ...whole, [key]: part };
}

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('register' as const),
    clientId: id,
    name,
    sigKeyDigest: id,
    endPointCount: byte,
    ephemeral: fc.boolean(),
    token,
  }),
  fc.record({ kind: fc.constant('find-client' as const), clientId: id }),
  fc
    .tuple(
      fc.record({ kind: fc.constant('create' as const), clientId: id, name, ...properties }),
      fc.option(fc.record({ tokens: tokenSpecs, time: fc.nat(2 ** 31) }), { nil: undefined }),
    )
    .map(([whole, admits]) => withPart(whole, 'admits', admits)),
  fc
    .tuple(fc.record({ kind: fc.constant('join' as const), clientId: id, cluster }), claim, round)
    .map(([whole, claim, round]) => withPart(withPart(whole, 'claim', claim), 'round', round)),
  fc
    .tuple(fc.record({ kind: fc.constant('get-roster' as const), clientId: id, cluster }), claim)
    .map(([whole, claim]) => withPart(whole, 'claim', claim)),
  fc.record({ kind: fc.constant('confirm' as const), clientId: id, clusterId: id, round: id }),
  fc.record({ kind: fc.constant('leave' as const), clientId: id, cluster }),
  fc.record({
    kind: fc.constant('change-tokens' as const),
    clientId: id,
    cluster,
    add: fc.array(tokenSpec, { maxLength: 3 }),
    revoke: fc.array(id, { maxLength: 3 }),
    time: fc.nat(2 ** 31),
  }),
  fc
    .tuple(
      fc.record({
        kind: fc.constant('get-cluster' as const),
        clientId: id,
        cluster,
        which: long,
        cursor: fc.constant(undefined),
        rosterBytesMax: fc.nat(2 ** 31),
        sealed: fc.constant(true),
        known: fc.record({ version, history: id }),
        wait: fc.record({ until: fc.constantFrom('change' as const, 'complete' as const), resumed: fc.boolean() }),
      }),
      claim,
      round,
    )
    .map(([whole, claim, round]) => withPart(withPart(whole, 'claim', claim), 'round', round)),
  fc
    .tuple(
      fc.record({
        kind: fc.constant('get-cluster' as const),
        clientId: id,
        cluster,
        which: long,
        cursor: fc.option(fc.record({ clusterId: id, from: byte }), { nil: undefined }),
        rosterBytesMax: fc.nat(2 ** 31),
      }),
      claim,
    )
    .map(([whole, claim]) => withPart(whole, 'claim', claim)),
);

const reply: fc.Arbitrary<Reply> = fc.oneof(
  fc.record({
    kind: fc.constant('tokens' as const),
    cluster: fc.record(properties),
    tokens: fc.array(tokenState, { maxLength: 3 }),
  }),
  fc.constant({ kind: 'registered' as const }),
  fc.record({ kind: fc.constant('client' as const), token }),
  fc.record({ kind: fc.constant('cluster' as const), cluster: shown, round }),
  fc.record({
    kind: fc.constant('roster' as const),
    cluster: shown,
    which: long,
    next: byte,
    roster: token,
    barrier: fc.option(fc.record({ epoch: fc.maxSafeNat(), round, confirmed: long }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('saved-roster' as const), clusterId: id, body: token, which: long, roster: token }),
  fc.record({
    kind: fc.constant('roster' as const),
    cluster: fc.record(properties),
    which: long,
    next: byte,
    roster: token,
    sealed: fc.record({ version, history: id, epoch: version, emptied: long, rosterHash: token, yourSeat: byte }),
  }),
  fc.record({ kind: fc.constant('waiting' as const), clusterId: id, version }),
  fc.record({
    kind: fc.constant('refused' as const),
    refusal: fc.constantFrom(...(Object.keys(REFUSAL_TEXT) as Refusal[])),
    retryAfterMs: fc.option(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { nil: undefined }),
  }),
);

/** Bytes as hex, so that views and copies compare equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

const usedSlot = () => Buffer.alloc(8_000, 0xa5);

describe('the codec', () => {
  it('reads back every command, which keeps its value when the slot is reused', () => {
    fc.assert(
      fc.property(command, fc.nat(2 ** 17), (command, origin) => {
        const slot = usedSlot();
        writeCommand(command, slot, origin);
        expect(originOf(slot)).toBe(origin);
        const unpacked = readCommand(slot);
        slot.fill(0);
        expect(plain(unpacked)).toEqual(plain(command));
      }),
    );
  });

  it('reads back every reply', () => {
    fc.assert(
      fc.property(reply, (reply) => {
        const slot = usedSlot();
        writeReply(reply, slot);
        expect(plain(readReply(slot))).toEqual(plain(reply));
      }),
    );
  });
});
