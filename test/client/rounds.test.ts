// The rounds that a session returns: until its own confirmation is shown, and never by the bit of another member.
import { expect, it } from 'vitest';
import type { Roster } from '../../src/client/cluster.ts';
import { RoundsToConfirm } from '../../src/client/rounds.ts';
import { longOf, type Message } from '../../src/wire/message.ts';

const CLUSTER = 'c0'.repeat(32);
const OWN = '01'.repeat(32);
const ROUND = new Uint8Array(8).fill(7);

/** A reply with the round and these confirmations; the roster shows the own seat if it has an index. */
function told(rounds: RoundsToConfirm, confirmed: bigint, index?: number): Message {
  const members = index === undefined ? [] : [{ id: OWN, index }];
  const roster = { clusterId: CLUSTER, size: 3, members } as unknown as Roster;
  rounds.told(CLUSTER, { Round: ROUND, Confirmed: longOf(confirmed) }, roster, OWN);
  return rounds.fieldsFor(CLUSTER);
}

it('returns the round until the own bit is set (Q4)', () => {
  const rounds = new RoundsToConfirm();
  expect(rounds.fieldsFor(CLUSTER)).toEqual({});
  expect(told(rounds, 0b011n, 2)).toEqual({ Round: ROUND });
  expect(told(rounds, 0b011n)).toEqual({ Round: ROUND });
  expect(told(rounds, 0b111n)).toEqual({});
});

it('forgets the seat of before a Join, which another member may have (Q4, Q7)', () => {
  const rounds = new RoundsToConfirm();
  told(rounds, 0n, 2);
  rounds.told(CLUSTER, {});
  expect(told(rounds, 0b100n)).toEqual({ Round: ROUND });
  expect(told(rounds, 0b101n, 0)).toEqual({});
});
