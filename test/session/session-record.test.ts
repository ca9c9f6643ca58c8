// Sessions, jobs and results as they cross between front end and pool: what goes in comes out.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULT_TEXT, REFUSAL_TEXT } from '../../src/errors.ts';
import {
  type EndReason,
  type Job,
  packJobs,
  packResults,
  sessionOf,
  unpackJobs,
  unpackResults,
  type WorkerResult,
} from '../../src/pool/job.ts';
import { readSession, SESSION_RECORD_BYTES, writeSession } from '../../src/pool/session-record.ts';
import type { Session } from '../../src/session/session.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { anonymous, identified } from './sessions.ts';

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
const session: fc.Arbitrary<Session> = fc.oneof(
  fc.record({ state: fc.constant('anonymous' as const), keys, salt2: arbitraryBytes(8) }),
  fc.record({
    state: fc.constant('identified' as const),
    keys,
    clientId: id,
    createdId: maybeId,
    clusterId: maybeId,
    rosterId: maybeId,
    rosterFrom: fc.nat(63),
  }),
);

/** The same with bytes as hex, so that views and copies compare. */
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
  it('S2: every session comes out as it went in', () => {
    fc.assert(
      fc.property(session, (session) => {
        expect(plain(readSession(recordOf(session)))).toEqual(plain(session));
      }),
    );
  });

  it('S2: a record is written where it belongs and nowhere else, whatever stood there', () => {
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

  it('S2: bytes of another length are no record', () => {
    for (const length of [0, SESSION_RECORD_BYTES - 1, SESSION_RECORD_BYTES + 1]) {
      expect(() => readSession(Buffer.alloc(length))).toThrow();
    }
  });
});

const bytes = fc.uint8Array({ maxLength: 100 });
const transport = fc.constantFrom('tcp' as const, 'ws' as const);
const job: fc.Arbitrary<Job> = fc.oneof(
  fc.record({ kind: fc.constant('hello' as const), transport, session: fc.constant(undefined), bytes }),
  fc.record({ kind: fc.constant('message' as const), transport, session: session.map(recordOf), bytes }),
);

describe('jobs', () => {
  it('F7: every batch of jobs comes out as it went in, in its order', () => {
    fc.assert(
      fc.property(fc.array(job, { maxLength: 10 }), fc.nat(7), (jobs, offset) => {
        const packed = packJobs(jobs);
        expect(packed.buffer.byteLength).toBe(packed.length);
        expect(unpackJobs(packed).map(plain)).toEqual(jobs.map(plain));
        // A batch may arrive as a view of something larger.
        const view = Buffer.concat([Buffer.alloc(offset), packed]).subarray(offset);
        expect(unpackJobs(view).map(plain)).toEqual(jobs.map(plain));
      }),
    );
  });

  it('F7: the session of a job is the one that was sent along', () => {
    const [job] = unpackJobs(
      packJobs([{ kind: 'message', transport: 'tcp', session: recordOf(identified), bytes: Buffer.alloc(16) }]),
    );
    expect(plain(sessionOf(job!))).toEqual(plain(identified));
  });
});

const fault = fc.constantFrom(...(Object.keys(FAULT_TEXT) as (keyof typeof FAULT_TEXT)[]));
const result: fc.Arbitrary<WorkerResult> = fc.oneof(
  fc.constant({ kind: 'incomplete' as const }),
  fc.record({ kind: fc.constant('silent' as const), why: fault }),
  fc.record({
    kind: fc.constant('reply' as const),
    op: fc.nat(13),
    dialect: fc.constantFrom('chained' as const, 'prefixed' as const),
    bytes,
    consumed: fc.nat(16_384),
    why: fc.option(fc.constantFrom(...REASONS), { nil: undefined }),
    session,
  }),
);

describe('results', () => {
  it('F7: every batch of results comes out as it went in, sessions as their records', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 10 }), (results) => {
        const packed = packResults(results);
        expect(packed.buffer.byteLength).toBe(packed.length);
        const expected = results.map((result) =>
          result.kind === 'reply' ? { ...result, session: recordOf(result.session) } : result,
        );
        expect(unpackResults(packed).map(plain)).toEqual(expected.map(plain));
      }),
    );
  });

  it.each(REASONS)('E4: the reason %s has a place of its own', (why) => {
    const reply = { kind: 'reply', op: 1, dialect: 'chained', bytes: Buffer.alloc(1), consumed: 1 } as const;
    const [result] = unpackResults(packResults([{ ...reply, why, session: anonymous }]));
    expect(result).toMatchObject({ kind: 'reply', why });
  });
});
