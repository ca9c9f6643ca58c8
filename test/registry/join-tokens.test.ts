// Join tokens in the table (A1 to A8): who is admitted, what a Join burns, and that no repeated message burns more.
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ENTRIES_PER_CLUSTER_MAX, FENCES_PER_CLUSTER_MAX } from '../../src/limits.ts';
import { giveBack, isFenced } from '../../src/registry/admission.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, OperatorCommand } from '../../src/registry/command.ts';
import { idOf, NO_LIMITS, REGISTRY_ID } from './arbitrary-commands.ts';
import { inOrder } from './observe.ts';
import {
  CLUSTER_ID,
  change,
  claimOf,
  createWith,
  does,
  evict,
  hashOf,
  join,
  keyOf,
  leave,
  leftOf,
  OWNER,
  read,
  register,
  spec,
  statesOf,
} from './token-world.ts';

let table: ClusterTable;
beforeEach(() => {
  table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
  for (const client of [1, 2, 3, 4, 5, OWNER]) table.apply(register(client), 0);
});
const indexOf = (client: number) => table.cluster(CLUSTER_ID)!.seatOf(idOf(client));

describe('Create with join tokens', () => {
  it('is equal when repeated by its SigKey, and told `cluster admits differently` otherwise (A2)', () => {
    const tokens = [spec('t', { uses: 2, ttlMs: 50 })];
    expect(does(table, createWith(tokens))).toBe('cluster');
    const again = createWith(tokens, 3, OWNER, idOf(0xc1), 1_000);
    expect(table.apply(again, 0)).toMatchObject({
      reply: { kind: 'cluster', cluster: { id: CLUSTER_ID } },
      changes: [],
    });
    for (const other of [
      createWith(tokens, 3, 1),
      createWith([spec('u')]),
      createWith([spec('t', { uses: 3, ttlMs: 50 })]),
      createWith([spec('t', { uses: 2 })]),
    ]) {
      expect(does(table, other)).toBe('cluster-admits-differently');
    }
    expect(does(table, { ...again, admits: undefined } as Command)).toBe('cluster');
  });

  it('is told `cluster admits differently` for a cluster that was made without (A2)', () => {
    const open = { ...createWith([]), admits: undefined } as Command;
    table.apply(open, 0);
    expect(does(table, createWith([spec('t')]))).toBe('cluster-admits-differently');
    expect(does(table, change({ add: [spec('t')] }))).toBe('not-owner');
    expect(does(table, { ...change(), kind: 'operate-tokens' } as OperatorCommand)).toBe('cluster-admits-differently');
  });
});

describe('a Join', () => {
  beforeEach(() => {
    table.apply(createWith([spec('t', { uses: 2 })]), 0);
  });

  it('needs a token once, burns one use, and needs none after Leave (A3)', () => {
    expect(does(table, join(1))).toBe('join-token-needed');
    expect(does(table, join(1, 'u'))).toBe('join-token-unknown');
    expect(does(table, read(1))).toBe('join-token-needed');
    expect(leftOf(table, 't')).toEqual([2]);
    for (let time = 0; time < 3; time++) expect(does(table, join(1, 't'))).toBe('cluster');
    expect(leftOf(table, 't')).toEqual([1]);
    expect([does(table, leave(1)), does(table, join(1)), does(table, read(1))]).toEqual([
      'cluster',
      'cluster',
      'roster',
    ]);
    expect(leftOf(table, 't')).toEqual([1]);
  });

  it('is refused with an empty hash, which a token of a wrong length has (A1)', () => {
    expect(does(table, { ...join(1), claim: { time: 0, token: '' } })).toBe('join-token-unknown');
    const of = (token: string) => ({ ...join(1), claim: { time: 0, token } });
    // The key of a use begins with the hash of its token.
    table.apply(join(2, 't'), 0);
    expect(does(table, of(`${hashOf('t')}0000`))).toBe('join-token-unknown');
  });

  it('needs another use after an eviction, which burns the first one (A3)', () => {
    expect([does(table, join(1, 't')), does(table, evict(1))]).toEqual(['cluster', 'cluster']);
    expect([does(table, join(1)), does(table, read(1))]).toEqual(['join-token-needed', 'join-token-needed']);
    expect(leftOf(table, 't')).toEqual([1]);
    expect(does(table, join(1, 't'))).toBe('cluster');
    table.apply(evict(1), 0);
    expect(does(table, join(1, 't'))).toBe('join-token-used-up');
  });

  it('has its use back after giveBack(), and nothing if it had none (A3)', () => {
    table.apply(join(1, 't'), 0);
    const cluster = table.cluster(CLUSTER_ID)!;
    const effect = giveBack(cluster, keyOf(1));
    expect(leftOf(table, 't')).toEqual([2]);
    expect(effect.changes.map(({ kind }) => kind)).toEqual(['entry-removal', 'entry-removal']);
    effect.undo();
    expect(leftOf(table, 't')).toEqual([1]);
    expect(giveBack(cluster, keyOf(2)).changes).toEqual([]);
  });

  it('is told used up by one more SigKey than there are uses, and burns none if it fails otherwise (A6, R13)', () => {
    table.apply(change({ add: [spec('more', { uses: 5 })] }), 0);
    for (const client of [1, 2]) expect(does(table, join(client, 't'))).toBe('cluster');
    expect(does(table, join(3, 't'))).toBe('join-token-used-up');
    expect(does(table, read(3, 't'))).toBe('join-token-used-up');
    table.apply(register(4, 'node-1'), 0);
    expect(does(table, join(4, 'more'))).toBe('member-name-in-use');
    expect(does(table, join(3, 'more'))).toBe('cluster');
    expect(does(table, join(5, 'more'))).toBe('cluster-full');
    expect(leftOf(table, 't', 'more')).toEqual([0, 4]);
  });

  it('takes one seat for a SigKey, whatever its IDs (A3)', () => {
    table.apply(register(0x11, 'second', keyOf(1)), 0);
    expect([does(table, join(1, 't')), does(table, join(0x11, 't'))]).toEqual(['cluster', 'join-token-used-up']);
    table.apply(leave(1), 0);
    expect(does(table, join(0x11))).toBe('cluster');
    expect(leftOf(table, 't')).toEqual([1]);
  });

  it('is told `join token expired` from the expiry on, which the admitted do not notice (A6)', () => {
    table.apply(change({ add: [spec('brief', { ttlMs: 50 })] }, 100), 0);
    expect(does(table, join(1, 'brief', 149))).toBe('cluster');
    expect([does(table, join(2, 'brief', 150)), does(table, read(2, 'brief', 150))]).toEqual([
      'join-token-expired',
      'join-token-expired',
    ]);
    expect(does(table, join(1, undefined, 1_000))).toBe('cluster');
    const brief = (time: number) => statesOf(table, time).find(({ hash }) => hash === hashOf('brief'));
    expect([brief(120)?.ttlMs, brief(1_000)?.ttlMs]).toEqual([30, 0]);
  });

  it('is told one text in an RSA dialect, as is a GetCluster (A6)', () => {
    table.apply(join(1, 't'), 0);
    for (const command of [join(1, 't'), read(1, 't'), join(2)]) {
      expect(does(table, { ...command, claim: undefined } as Command)).toBe('join-token-dialect');
    }
  });
});

describe('roles and names', () => {
  it('an observer reads, is checked each time, and takes no seat (A4)', () => {
    table.apply(createWith([spec('eye', { observer: true, uses: 1 }), spec('t')]), 0);
    expect(does(table, join(1, 'eye'))).toBe('join-token-for-other');
    for (const client of [1, 2, 1]) expect(does(table, read(client, 'eye'))).toBe('roster');
    expect(does(table, read(1))).toBe('join-token-needed');
    table.apply(change({ revoke: ['eye'] }), 0);
    expect(does(table, read(1, 'eye'))).toBe('join-token-unknown');
  });

  it('a token for a name admits only that name, and keeps it from others while it has uses (A5)', () => {
    table.apply(createWith([spec('for-2', { forName: 'node-2', uses: 1 }), spec('t')]), 0);
    expect(does(table, join(1, 'for-2'))).toBe('join-token-for-other');
    expect(does(table, join(2, 't'))).toBe('join-token-for-other');
    table.apply(join(1, 't'), 0);
    table.apply(register(1, 'node-2'), 0);
    expect(does(table, join(1))).toBe('join-token-for-other');
    expect(does(table, join(2, 'for-2'))).toBe('cluster');
    table.apply(leave(2), 0);
    expect(does(table, join(1))).toBe('cluster');
    table.apply(register(2, 'other'), 0);
    expect(does(table, join(2))).toBe('join-token-for-other');
  });
});

describe('a replacement', () => {
  const anew = () => table.apply(register(4, 'node-1'), 0);
  beforeEach(() => {
    table.apply(createWith([spec('t', { uses: 3 })], 2), 0);
    for (const client of [2, 1]) table.apply(join(client, 't'), 0);
  });

  it('takes the seat of its name in a full cluster, at the same index, in one change (A5, R13)', () => {
    anew();
    expect(does(table, join(4, 't'))).toBe('cluster-full');
    table.apply(change({ add: [spec('again', { forName: 'node-1', replace: true, uses: 1 })] }), 0);
    const outcome = table.apply(join(4, 'again'), 0);
    expect(outcome).toMatchObject({
      reply: { kind: 'cluster' },
      adds: 'member',
      audits: [{ action: 'join-token-use', member: 'node-1', joinToken: hashOf('again') }, { action: 'replace' }],
    });
    expect(outcome.changes.find(({ kind }) => kind === 'member')).toMatchObject({ index: 1, replaces: idOf(1) });
    expect([indexOf(1), indexOf(4)]).toEqual([-1, 1]);
    for (const command of [join(1), join(1, 't'), read(1), read(1, 'again')]) {
      expect(does(table, command)).toBe('member-replaced');
    }
    expect(isFenced(table.cluster(CLUSTER_ID)!, idOf(1), keyOf(1))).toBe(true);
    expect([does(table, join(4, 'again')), does(table, join(4)), does(table, read(4))]).toEqual([
      'cluster',
      'cluster',
      'roster',
    ]);
    expect(leftOf(table, 'again')).toEqual([0]);

    outcome.undo();
    expect([indexOf(1), indexOf(4), leftOf(table, 'again')]).toEqual([1, -1, [1]]);
    expect([does(table, join(1)), does(table, read(4))]).toEqual(['cluster', 'join-token-needed']);
  });

  it('takes no seat of another name, and none by a token that only reserves the name (A5)', () => {
    anew();
    table.apply(change({ add: [spec('keep', { forName: 'node-1' })] }), 0);
    expect(does(table, join(4, 'keep'))).toBe('cluster-full');
    table.apply(change({ add: [spec('again', { forName: 'node-2', replace: true })] }), 0);
    expect(does(table, join(4, 'again'))).toBe('join-token-for-other');
    expect([indexOf(1), indexOf(2)]).toEqual([1, 0]);
  });

  it('keeps out as many replaced registrations as the bound says, the oldest go (A5)', () => {
    const add = [spec('again', { forName: 'node-1', replace: true, uses: 100 })];
    table.apply(change({ add }), 0);
    for (let i = 0; i <= FENCES_PER_CLUSTER_MAX; i++) {
      table.apply({ ...register(0x20 + i, 'node-1'), sigKeyDigest: idOf(0x20 + i) }, 0);
      expect(does(table, join(0x20 + i, 'again', 1_000 + i))).toBe('cluster');
    }
    expect([does(table, read(1)), does(table, read(0x20))]).toEqual(['join-token-needed', 'member-replaced']);
  });
});

describe('ChangeTokens', () => {
  beforeEach(() => {
    table.apply(createWith([spec('t', { uses: 2 })]), 0);
  });

  it('adds, lists and revokes for the owner alone, equally when repeated (A7)', () => {
    expect(does(table, change({ add: [spec('u')] }, 0, 1))).toBe('not-owner');
    for (let time = 0; time < 2; time++) table.apply(change({ add: [spec('u', { ttlMs: 50 })] }, time), 0);
    expect(statesOf(table, 10)).toEqual(
      [
        { hash: hashOf('t'), uses: 2, left: 2 },
        { hash: hashOf('u'), uses: 3, left: 3, ttlMs: 40 },
      ].sort((one, other) => (one.hash < other.hash ? -1 : 1)),
    );
    for (let time = 0; time < 2; time++) expect(does(table, change({ revoke: ['t', 'none'] }))).toBe('tokens');
    expect(leftOf(table, 't', 'u')).toEqual([undefined, 3]);
    expect(does(table, change({ add: [spec('u', { uses: 9 })] }))).toBe('cluster-admits-differently');
  });

  it('binds the admitted to the name of a token that is gone (A5)', () => {
    table.apply(change({ add: [spec('n', { uses: 1, forName: 'node-3' })] }), 0);
    expect(does(table, join(3, 'n'))).toBe('cluster');
    table.apply(change({ revoke: ['n'] }), 0);
    expect(does(table, join(3))).toBe('cluster');
    table.apply(register(3, 'other'), 0);
    expect(does(table, join(3))).toBe('join-token-for-other');
  });

  it('shuts out by its ID a client that has left, which then needs a token again (A3)', () => {
    table.apply(join(1, 't'), 0);
    table.apply(leave(1), 0);
    const shutOut = table.apply(evict(1), 0);
    expect([shutOut.reply.kind, does(table, join(1))]).toEqual(['cluster', 'join-token-needed']);
    shutOut.undo();
    expect(does(table, join(1))).toBe('cluster');
    table.apply(leave(1), 0);
    table.apply(evict(1), 0);
    expect(does(table, evict(1))).toBe('client-unknown');
  });

  it('is charged like a member, and has one audit line for all that it adds (R4)', () => {
    const { adds, audits } = table.apply(change({ add: ['a', 'b', 'c'].map((text) => spec(text, { uses: 1 })) }), 0);
    expect([adds, audits?.length, audits?.[0]?.joinTokens]).toEqual(['member', 1, 3]);
    expect(table.apply(change({ add: [] }), 0).adds).toBeUndefined();
  });

  it('leaves the admitted in, and gives a token that is added again no uses back (A3)', () => {
    table.apply(join(1, 't'), 0);
    table.apply(change({ revoke: ['t'] }), 0);
    expect([does(table, join(1)), does(table, join(2, 't'))]).toEqual(['cluster', 'join-token-unknown']);
    table.apply(change({ add: [spec('t', { uses: 2 })] }), 0);
    expect(leftOf(table, 't')).toEqual([1]);
  });

  it('refuses a 65th token, and more uses than a cluster has room for; expired tokens make room (A1)', () => {
    const some = (from: number, count: number, fields = {}) =>
      Array.from({ length: count }, (_, i) => spec(`s${from + i}`, { uses: 1, ...fields }));
    expect(does(table, change({ add: some(0, 63, { ttlMs: 10 }) }))).toBe('tokens');
    expect(does(table, change({ add: some(63, 1) }))).toBe('too-many-join-tokens');
    expect(does(table, change({ add: some(63, 2) }, 10))).toBe('tokens');
    expect(statesOf(table).length).toBe(64);
    for (let i = 0; i < 63; i += 1) table.apply(change({ revoke: [`s${i}`] }), 0);
    const large = (i: number) => change({ add: [spec(`large${i}`, { uses: 1_024 })] });
    expect([0, 1, 2, 3].map((i) => does(table, large(i)))).toEqual([
      ...['tokens', 'tokens', 'tokens'],
      'too-many-join-tokens',
    ]);
    expect(table.cluster(CLUSTER_ID)!.entries.size).toBeLessThan(ENTRIES_PER_CLUSTER_MAX);
  });
});

describe('messages that are repeated after a lost reply', () => {
  const TOKENS = ['one', 'two'];
  const USES = [2, 3];
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('join' as const), who: fc.nat(4), token: fc.nat(2) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('leave' as const, 'evict' as const),
        who: fc.nat(4),
        token: fc.constant(2),
      }),
    },
    fc.record({ do: fc.constant('read' as const), who: fc.nat(4), token: fc.nat(2) }),
  );

  it('burn one use for each admission, and replay to the same table (A3)', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(act, fc.integer({ min: 1, max: 3 })), { maxLength: 40 }), (acts) => {
        const table = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
        const copy = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
        const sent = (command: Command | OperatorCommand, times: number) => {
          const undone = table.apply(command, 0);
          undone.undo();
          let reply = undone.reply;
          for (let time = 0; time < times; time++) {
            const outcome = table.apply(command, 0);
            if (time === 0) reply = outcome.reply;
            for (const change of outcome.changes) copy.replay(change);
            // Nothing but the eviction of an empty seat differs the second time.
            if (time > 0 && command.kind !== 'evict') expect(outcome).toMatchObject({ reply, changes: [] });
          }
          return reply.kind === 'refused' ? reply.refusal : reply.kind;
        };
        for (const client of [0, 1, 2, 3, 4, OWNER]) sent(register(client + 0x10), 1);
        sent(
          createWith(
            TOKENS.map((token, i) => spec(token, { uses: USES[i]! })),
            3,
            OWNER + 0x10,
          ),
          2,
        );
        const left = [...USES];
        const [admitted, seated] = [new Set<number>(), new Set<number>()];
        for (const [act, times] of acts) {
          const who = act.who + 0x10;
          if (act.do === 'leave') {
            sent(leave(who), times);
            seated.delete(who);
          } else if (act.do === 'evict') {
            if (sent(evict(who), times) === 'cluster') admitted.delete(who);
            seated.delete(who);
          } else {
            const token = TOKENS[act.token];
            const hasUse = token !== undefined && left[act.token]! > 0;
            const needs = token === undefined ? 'join-token-needed' : 'join-token-used-up';
            const refusal = admitted.has(who) || hasUse ? undefined : needs;
            if (act.do === 'read') expect(sent(read(who, token), times)).toBe(refusal ?? 'roster');
            else if (refusal) expect(sent(join(who, token), times)).toBe(refusal);
            else if (!seated.has(who) && seated.size === 3) expect(sent(join(who, token), times)).toBe('cluster-full');
            else {
              expect(sent(join(who, token), times)).toBe('cluster');
              seated.add(who);
              if (!admitted.has(who)) left[act.token]! -= 1;
              admitted.add(who);
            }
          }
          const { reply } = table.apply(change({}, 0, OWNER + 0x10), 0);
          const states = reply.kind === 'tokens' ? reply.tokens : [];
          expect(TOKENS.map((token) => states.find(({ hash }) => hash === hashOf(token))?.left)).toEqual(left);
        }
        expect(inOrder([...copy.records()])).toEqual(inOrder([...table.records()]));
      }),
      { numRuns: 300 },
    );
  });
});

it('an operator changes the tokens of any such cluster, and joins as nobody (A7)', () => {
  table.apply(createWith([spec('t')]), 0);
  const operate = (fields: { add?: ReturnType<typeof spec>[]; revoke?: string[] }): OperatorCommand => {
    const { clientId: _, ...command } = change(fields) as Command & { kind: 'change-tokens' };
    return { ...command, kind: 'operate-tokens' };
  };
  expect(does(table, operate({ add: [spec('u')] }))).toBe('tokens');
  expect(does(table, operate({ revoke: ['t'] }))).toBe('tokens');
  expect(statesOf(table).map(({ hash }) => hash)).toEqual([hashOf('u')]);
  expect(claimOf('u')).toEqual({ time: 0, token: hashOf('u') });
});
