// Join tokens of a cluster with a confirm time and epochs: what a replacement, a Leave and a round do to both (A3, A5, A8,
// Q7, V4, W1, W3).
import { beforeEach, describe, expect, it } from 'vitest';
import { BodyMaker } from '../../src/coordinator/body-maker.ts';
import type { Decision } from '../../src/registry/barrier.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { EPOCH_KEY, ROSTER_KEY, storedEpoch } from '../../src/registry/epoch.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';
import {
  CLUSTER_ID,
  change,
  claimOf,
  createWith,
  does,
  evict,
  join,
  leave,
  leftOf,
  OWNER,
  read,
  register,
  spec,
} from './token-world.ts';

const CONFIRM_S = 15;
const LOST = { expired: 65, left: 66, evicted: 67, replaced: 68 };

let table: ClusterTable;
let rounds: number;
let seconds: number;
beforeEach(() => {
  rounds = 0;
  seconds = 0;
  table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  table.setRosterMaker(new BodyMaker(REGISTRY_ID, 1, () => 0));
  for (const client of [1, 2, 3, OWNER]) table.apply(register(client), 0);
  table.apply(register(4, 'node-1'), 0);
  const tokens = [spec('t'), spec('eye', { observer: true })];
  table.apply({ ...createWith(tokens, 2), confirmMs: CONFIRM_S * 1_000 } as Command, 0);
  for (const client of [1, 2]) expect(does(table, join(client, 't'))).toBe('cluster');
  table.apply(change({ add: [spec('again', { forName: 'node-1', replace: true })] }), 0);
  decide();
});

const cluster = () => table.cluster(CLUSTER_ID)!;
const decide = (): Decision[] => table.decideRounds(seconds * 1_000, () => `${++rounds}`.padStart(16, '0'), 10);
const confirm = (client: number) => does(table, { ...read(client), round: cluster().round!.id } as Command);

function complete(): void {
  for (const client of [1, 2]) confirm(client);
  decide();
  expect(storedEpoch(cluster())).toBe(1);
}

/** Lets the confirm time pass. */
function expire(): Decision[] {
  for (let mark = 0; mark <= CONFIRM_S; mark++) {
    seconds += 1;
    table.ageRounds({ number: seconds, sentAt: seconds * 1_000, backAt: seconds * 1_000 }, true);
  }
  return decide();
}

/** YourSeat of a client, or why it is not told. */
function seatCode(client: number, token = 'eye'): number | string {
  const { reply } = table.apply({ ...read(client, token), sealed: true } as Command, 0);
  return reply.kind === 'roster' ? reply.sealed!.yourSeat : does(table, read(client, token));
}

const getRoster = (client: number, token?: string): Command => ({
  ...{ kind: 'get-roster', clientId: idOf(client), cluster: { name: 'c' } },
  claim: claimOf(token),
});

describe('before the cluster is complete', () => {
  it('a replacement ends the round, and its undo brings it back with its confirmations (A5, Q7)', () => {
    confirm(2);
    const round = cluster().round!;
    const { reply, changes, undo } = table.apply(join(4, 'again'), 0);
    expect(reply).toMatchObject({ kind: 'cluster' } satisfies Partial<Reply>);
    expect((reply as Reply & { kind: 'cluster' }).round).toBeUndefined();
    expect(changes.find(({ kind }) => kind === 'member')).toMatchObject({ index: 0, replaces: idOf(1) });
    expect(changes.some((one) => 'key' in one && one.key === EPOCH_KEY)).toBe(false);
    expect([cluster().round, cluster().seatOf(idOf(4)), cluster().isFull]).toEqual([undefined, 0, true]);

    undo();
    expect([cluster().round, cluster().seatOf(idOf(1)), cluster().seatOf(idOf(4))]).toEqual([round, 0, -1]);
    expect([...round.confirmed]).toEqual([idOf(2)]);
    expect(cluster().seatCode(idOf(4))).toBe(64);

    table.apply(join(4, 'again'), 0);
    expect(decide()).toMatchObject([{ event: { kind: 'begun' } }]);
    expect(cluster().round!.id).not.toBe(round.id);
    expect(cluster().round!.confirmed.size).toBe(0);
    expect(cluster().seatCode(idOf(1))).toBe(LOST.replaced);
  });

  it('an expiry gives the use back in its own change, and the key needs the token again (A3, Q7)', () => {
    confirm(1);
    expect(leftOf(table, 't')).toEqual([0]);
    const [ended] = expire();
    expect(ended!.changes.map(({ kind }) => kind)).toEqual(['member-removal', 'entry-removal', 'entry-removal']);
    expect([leftOf(table, 't'), does(table, read(2)), seatCode(2)]).toEqual([[1], 'join-token-needed', LOST.expired]);

    ended!.undo();
    expect([leftOf(table, 't'), does(table, read(2)), seatCode(2)]).toEqual([[0], 'roster', 1]);
    decide();
    expect([does(table, join(2)), leftOf(table, 't')]).toEqual(['join-token-needed', [1]]);
    // The seat is kept from who lost it for a while (Q8).
    expect(table.apply(join(2, 't'), seconds * 1_000).reply).toMatchObject({ refusal: 'cluster-full' });
    expect(table.apply(join(2, 't'), seconds * 1_000 + 5_000).reply).toMatchObject({ kind: 'cluster' });
  });

  it('a Leave ends the round, and tells why the seat is lost; an eviction, too (A8, Q7, V4)', () => {
    table.apply(leave(2), 0);
    expect([cluster().round, seatCode(2), leftOf(table, 't')]).toEqual([undefined, LOST.left, [0]]);
    expect(does(table, join(2))).toBe('cluster');
    decide();
    expect(cluster().round).toBeDefined();
    table.apply(evict(2), 0);
    expect([cluster().round, seatCode(2), does(table, read(2))]).toEqual([
      undefined,
      LOST.evicted,
      'join-token-needed',
    ]);
  });

  it('used up is refused for now while a round may give a use back, and for good afterwards (A6, Q8)', () => {
    const late = () => table.apply(join(3, 't'), 0).reply;
    const reads = () => table.apply(read(3, 't'), 0).reply;
    const forNow = { kind: 'refused', refusal: 'join-token-used-up', retryAfterMs: 5_000 };
    const forGood = { kind: 'refused', refusal: 'join-token-used-up' };
    expect([late(), reads()]).toEqual([forNow, forNow]);
    confirm(1);
    expire();
    expect(late()).toMatchObject({ kind: 'cluster' });
    decide();
    for (const client of [1, 3]) confirm(client);
    decide();
    expect(storedEpoch(cluster())).toBe(1);
    expect(table.apply(join(2, 't'), seconds * 1_000 + 5_000).reply).toEqual(forGood);
  });

  it('used up is refused for good once no member has a seat by a use of the token (A6)', () => {
    // An evicted key's use stays burned.
    for (const client of [1, 2]) table.apply(evict(client), 0);
    expect(table.apply(join(3, 't'), 0).reply).toEqual({ kind: 'refused', refusal: 'join-token-used-up' });
  });

  it('full and name in use are refused for now, and a bad token for good (A6, Q8)', () => {
    table.apply(change({ add: [spec('more')] }), 0);
    expect(table.apply(join(3, 'more'), 0).reply).toMatchObject({ refusal: 'cluster-full', retryAfterMs: 5_000 });
    expect(table.apply(join(3, 'none'), 0).reply).toEqual({ kind: 'refused', refusal: 'join-token-unknown' });
  });
});

describe('a complete cluster', () => {
  beforeEach(complete);

  it.each([
    ['a Leave', () => leave(2)],
    ['an eviction', () => evict(2)],
    ['a replacement', () => join(4, 'again')],
  ])('has a higher epoch and its body after %s, in the same change (W1)', (_, command) => {
    const { changes, undo } = table.apply(command(), 0);
    const keys = changes.flatMap((one) => (one.kind === 'entry' ? [one.key] : []));
    expect(keys).toEqual(expect.arrayContaining([EPOCH_KEY, ROSTER_KEY]));
    expect([storedEpoch(cluster()), cluster().roundState]).toEqual([2, '']);
    undo();
    expect(storedEpoch(cluster())).toBe(1);
  });

  it('is replaced in at once after a move, and the new member may move then (W1)', () => {
    table.apply({ ...register(1), token: Uint8Array.of(7) }, 0);
    expect(does(table, join(1))).toBe('cluster');
    table.apply({ ...register(1), token: Uint8Array.of(8) }, 0);
    expect(does(table, join(1))).toBe('too-many-moves');
    expect(does(table, join(4, 'again'))).toBe('cluster');
    table.apply({ ...register(4, 'node-1'), token: Uint8Array.of(9) }, 0);
    expect(does(table, join(4))).toBe('cluster');
  });

  it('gives its signed roster to the admitted and to observers only (A3, A4, W3)', () => {
    const asked = [getRoster(1), getRoster(3, 'eye'), getRoster(3), { ...getRoster(3), claim: undefined }];
    expect(asked.map((command) => does(table, command as Command))).toEqual([
      'saved-roster',
      'saved-roster',
      'join-token-needed',
      'join-token-dialect',
    ]);
    table.apply(join(4, 'again'), 0);
    expect(does(table, getRoster(1, 'eye'))).toBe('member-replaced');
  });
});
