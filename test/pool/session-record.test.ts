// Codecs of sessions, jobs and results between front end and pool: each returns what was written.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULT_TEXT, REFUSAL_TEXT } from '../../src/errors.ts';
import { MESSAGE_BYTES_MAX, REPEATED_FIELDS_MAX, UNKNOWN_FIELDS_MAX } from '../../src/limits.ts';
import {
  type EndReason,
  type Job,
  type JobTimes,
  NEVER_WHOLE,
  readJob,
  readResult,
  readTimes,
  type WorkerResult,
  wipeSlot,
  writeJob,
  writeResult,
} from '../../src/pool/job.ts';
import { NO_SCAN, packScan, unpackScan } from '../../src/pool/scan-codec.ts';
import { readSession, SESSION_RECORD_BYTES, writeSession } from '../../src/pool/session-record.ts';
import type { Session } from '../../src/session/session.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import type { SealedKeys } from '../../src/wire/sealed-keys.ts';
import { anonymous } from '../session/sessions.ts';

const arbitraryBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const id = fc
  .constantFrom(20, 32)
  .chain(arbitraryBytes)
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const maybeId = fc.option(id, { nil: undefined });
const keys: fc.Arbitrary<SessionKeys> = fc.constantFrom('chained' as const, 'prefixed' as const).chain((dialect) => {
  const chain = arbitraryBytes(dialect === 'chained' ? 16 : 0);
  return fc.record({ dialect: fc.constant(dialect), key2: arbitraryBytes(32), receiveChain: chain, sendChain: chain });
});
const sealedKeys = (h: fc.Arbitrary<Uint8Array>): fc.Arbitrary<SealedKeys> =>
  fc.record({
    dialect: fc.constant('sealed' as const),
    receiveKey: arbitraryBytes(32),
    sendKey: arbitraryBytes(32),
    received: fc.maxSafeNat(),
    sent: fc.maxSafeNat(),
    h,
    observedAddress: fc.constantFrom('', '127.0.0.1', '::1', '0000:0000:0000:0000:0000:ffff:255.255.255.255'),
  });
const session: fc.Arbitrary<Session> = fc.oneof(
  fc.record({
    ...{ state: fc.constant('anonymous' as const), keys: sealedKeys(arbitraryBytes(32)), salt2: arbitraryBytes(0) },
  }),
  fc.record({ state: fc.constant('anonymous' as const), keys, salt2: arbitraryBytes(8) }),
  fc.record({
    state: fc.constant('identified' as const),
    keys: fc.oneof(keys, sealedKeys(arbitraryBytes(0))),
    clientId: id,
    createdId: maybeId,
    clusterId: maybeId,
    rosterId: maybeId,
    rosterFrom: fc.nat(63),
    toldRound: fc.option(
      fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((round) => round.toString(16).padStart(16, '0')),
      {
        nil: undefined,
      },
    ),
  }),
);

/** A copy with bytes as hex, so that views and copies compare equal. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function recordOf(session: Session): Buffer {
  const record = Buffer.alloc(SESSION_RECORD_BYTES);
  writeSession(session, record, 0);
  return record;
}

const REASONS = ['bye', ...Object.keys(FAULT_TEXT), ...Object.keys(REFUSAL_TEXT)] as EndReason[];

describe('session records', () => {
  it('give back every session as it was written (S2)', () => {
    fc.assert(
      fc.property(session, (session) => {
        expect(plain(readSession(recordOf(session)))).toEqual(plain(session));
      }),
    );
  });

  it('are written to their place alone, whatever was there (S2)', () => {
    fc.assert(
      fc.property(session, fc.nat(20), fc.nat(20), (session, before, behind) => {
        const target = Buffer.alloc(before + SESSION_RECORD_BYTES + behind, 0xa5);
        writeSession(session, target, before);
        const record = target.subarray(before, before + SESSION_RECORD_BYTES);
        expect(record.equals(recordOf(session))).toBe(true);
        expect(target.subarray(0, before).every((byte) => byte === 0xa5)).toBe(true);
        expect(target.subarray(before + SESSION_RECORD_BYTES).every((byte) => byte === 0xa5)).toBe(true);
      }),
    );
  });

  it('are rejected at another length (S2)', () => {
    for (const length of [0, SESSION_RECORD_BYTES - 1, SESSION_RECORD_BYTES + 1]) {
      expect(() => readSession(Buffer.alloc(length))).toThrow();
    }
  });
});

const bytes = fc.uint8Array({ maxLength: 100 });
const transport = fc.constantFrom('tcp' as const, 'ws' as const);
const origin = fc.nat(2 ** 17);
const scanState = fc.record({
  at: fc.nat(MESSAGE_BYTES_MAX),
  hasOp: fc.boolean(),
  // One more of each than a message may have: a scan past the limit is dead and stays dead.
  unknownFields: fc.nat(UNKNOWN_FIELDS_MAX + 1),
  clientSpecs: fc.nat(2),
  tokens: fc.nat(REPEATED_FIELDS_MAX + 1),
});
const scan = scanState.map(packScan);
const job: fc.Arbitrary<Job> = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), transport, session: fc.constant(undefined), scan, bytes, origin }),
  fc.record({ kind: fc.constant('message' as const), transport, session: session.map(recordOf), scan, bytes, origin }),
  fc.record({
    ...{ kind: fc.constant('message' as const), transport, session: session.map(recordOf), scan, bytes, origin },
    early: fc.constant(true as const),
  }),
);

/** A slot with bytes of an earlier job. */
function usedSlot(): Buffer {
  return Buffer.alloc(1_000, 0xa5);
}

describe('jobs', () => {
  it('give back the state of a scan (F5)', () => {
    fc.assert(
      fc.property(scanState, (state) => {
        expect(unpackScan(packScan(state))).toEqual(state);
      }),
    );
  });

  it('give back every job, whatever was in its slot (F7)', () => {
    fc.assert(
      fc.property(job, (job) => {
        const slot = usedSlot();
        writeJob(job, slot);
        expect(plain(readJob(slot))).toEqual(plain(job));
      }),
    );
  });
});

const fault = fc.constantFrom(...(Object.keys(FAULT_TEXT) as (keyof typeof FAULT_TEXT)[]));
const result: fc.Arbitrary<WorkerResult> = fc.oneof(
  fc.record({ kind: fc.constant('incomplete' as const), scan, needed: fc.nat(NEVER_WHOLE) }),
  fc.record({ kind: fc.constant('silent' as const), why: fault, rsaOperations: fc.nat(2) }),
  fc
    .record({
      kind: fc.constant('reply' as const),
      op: fc.nat(13),
      rsaOperations: fc.nat(2),
      previousKey: fc.boolean(),
      dialect: fc.constantFrom('chained' as const, 'prefixed' as const),
      bytes,
      consumed: fc.nat(16_384),
      why: fc.option(fc.constantFrom(...REASONS), { nil: undefined }),
      session: fc.option(session, { nil: undefined }),
    })
    .chain((reply) =>
      fc
        .oneof(
          fc.constant({ clientName: undefined, clientEnds: undefined }),
          fc.record({
            clientName: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/),
            clientEnds: fc.nat(0xffff_ffff),
          }),
        )
        .map((client) => ({ ...reply, ...client })),
    ),
);

const milliseconds = fc.float({ min: 0, max: 10_000, noNaN: true });
const times: fc.Arbitrary<JobTimes> = fc.record({ open: milliseconds, ask: milliseconds, seal: milliseconds });
const MESSAGE = { rsaOperations: 0, previousKey: false, clientName: undefined, clientEnds: undefined };
const NO_TIMES = { open: 0, ask: 0, seal: 0 };

describe('results', () => {
  it("give back every result with its times, and a session's record if it changed (F7)", () => {
    fc.assert(
      fc.property(result, times, (result, times) => {
        const slot = usedSlot();
        writeResult(result, times, slot);
        const record = result.kind === 'reply' && result.session && recordOf(result.session);
        const expected = result.kind === 'reply' ? { ...result, session: record } : result;
        expect(plain(readResult(slot))).toEqual(plain(expected));
        expect(readTimes(slot)).toEqual(times);
      }),
    );
  });

  it('carry no more of a name than a name can have (T2)', () => {
    const slot = usedSlot();
    const reply = {
      ...MESSAGE,
      op: 3,
      dialect: 'chained',
      consumed: 1,
      why: undefined,
      bytes: Buffer.alloc(9),
    } as const;
    writeResult({ kind: 'reply', ...reply, clientName: 'x'.repeat(1_000), session: anonymous }, NO_TIMES, slot);
    expect(readResult(slot)).toMatchObject({ clientName: 'x'.repeat(128), bytes: Buffer.alloc(9) });
  });

  it.each(REASONS)('give the reason %s its own number (E4)', (why) => {
    const reply = {
      kind: 'reply',
      ...MESSAGE,
      op: 1,
      dialect: 'chained',
      bytes: Buffer.alloc(1),
      consumed: 1,
    } as const;
    const slot = usedSlot();
    writeResult({ ...reply, why, session: anonymous }, NO_TIMES, slot);
    expect(readResult(slot)).toMatchObject({ kind: 'reply', why });
  });

  it('leave nothing of a session in a wiped slot, and keep a reply taken from it (E1)', () => {
    fc.assert(
      fc.property(session, fc.uint8Array({ minLength: 1, maxLength: 100 }), (session, bytes) => {
        const [job, response] = [Buffer.alloc(1_000), Buffer.alloc(1_000)];
        writeJob(
          {
            kind: 'message',
            transport: 'tcp',
            session: recordOf(session),
            scan: NO_SCAN,
            bytes: new Uint8Array(0),
            origin: 1,
          },
          job,
        );
        const reply = { kind: 'reply', ...MESSAGE, op: 1, dialect: 'chained', consumed: 1, why: undefined } as const;
        writeResult({ ...reply, bytes, session }, NO_TIMES, response);
        const taken = readResult(response) as { bytes: Uint8Array };
        const sent = response.length - response.indexOf(Buffer.from(bytes), 200);
        wipeSlot(job, response);
        expect(job.every((byte) => byte === 0)).toBe(true);
        expect(response.subarray(0, response.length - sent).every((byte) => byte === 0)).toBe(true);
        expect(plain(taken.bytes)).toBe(plain(bytes));
      }),
    );
  });
});
