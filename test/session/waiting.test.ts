// A waiting GetCluster while the store is away (V6): it waits on, and ends as unchanged, never with a refusal.
import { describe, expect, it } from 'vitest';
import type { Reply } from '../../src/registry/command.ts';
import type { IdentifiedSession, Question } from '../../src/session/session.ts';
import { resume, step } from '../../src/session/step.ts';
import { bigintOf, decodeMessage, encodeMessage, longOf, type Message, Op } from '../../src/wire/message.ts';
import { contextOf, identified } from './sessions.ts';

const CLUSTER_ID = 'c0'.repeat(32);
const HISTORY = Buffer.from('0102030405060708', 'hex');
const AWAY: Reply = { kind: 'refused', refusal: 'cannot-store' };
const MAX_WAIT_MS = 1_000;

const context = { ...contextOf(1), maxWaitMs: MAX_WAIT_MS };
const session: IdentifiedSession = {
  ...identified,
  keys: {
    ...{ dialect: 'sealed', receiveKey: new Uint8Array(32), sendKey: new Uint8Array(32) },
    ...{ received: 0, sent: 0, h: new Uint8Array(0), observedAddress: '' },
  },
};
const asked: Message = {
  ...{ Op: Op.GetCluster, ClusterID: Buffer.from(CLUSTER_ID, 'hex'), KnownVersion: longOf(7n), History: HISTORY },
  WaitMs: 5_000,
};

function question(message: Message): Question {
  const next = step(session, Op.GetCluster, message, context);
  if (next.kind !== 'question') throw new Error('no question for the table');
  return next;
}

/** The request as a job resumes it. */
function resumed(message: Message, last: boolean): Question {
  const next = resume(session, decodeMessage(encodeMessage(message))!, context, last);
  if (next.kind !== 'question') throw new Error('no question for the table');
  return next;
}

describe('A GetCluster that may wait', () => {
  it('is parked if nothing is newer, by the ID of its cluster, for no longer than the registry allows', () => {
    const { ClusterID: _, ...rest } = asked;
    const byName = question({ ...rest, ClusterName: 'c' });
    expect(byName.command).toMatchObject({ known: { version: 7 }, wait: { until: 'change', resumed: false } });
    const waiting = byName.conclude({ kind: 'waiting', clusterId: CLUSTER_ID, version: 7 });
    expect(waiting).toMatchObject({ kind: 'waiting', version: 7, waitMs: MAX_WAIT_MS, until: 'change' });
    const again = resumed((waiting as { request: Message }).request, false);
    expect(again.command).toMatchObject({ cluster: { id: CLUSTER_ID }, wait: { until: 'change', resumed: true } });
  });

  it('is parked while the store is away, and waits on', () => {
    for (const one of [question(asked), resumed(asked, false)]) {
      expect(one.conclude(AWAY)).toMatchObject({ kind: 'waiting', clusterId: CLUSTER_ID, version: 7 });
    }
  });

  it('ends as unchanged if the store is away at its end', () => {
    const last = resumed(asked, true);
    expect(last.command).toMatchObject({ known: { version: 7 }, wait: undefined });
    const end = last.conclude(AWAY) as { kind: 'answer'; message: Message };
    expect(end).toMatchObject({ kind: 'answer', message: { Op: Op.ClusterMembers, History: HISTORY } });
    expect([end.message.ClusterVersion, end.message.Which].map((value) => bigintOf(value))).toEqual([7n, 0n]);
  });

  it('is refused like any other if it does not ask to wait', () => {
    const { WaitMs: _, ...plain } = asked;
    expect(question(plain).conclude(AWAY)).toEqual({ kind: 'refused', why: 'cannot-store' });
  });
});
