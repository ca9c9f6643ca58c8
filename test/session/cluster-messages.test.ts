// Create, Join and GetCluster: their commands to the table, and the replies on the wire (R1 to R8, R11, R13).

import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.ts';
import { step } from '../../src/session/step.ts';
import { bigintOf, decodeRoster, longOf, type Message, Op } from '../../src/wire/message.ts';
import { answered, type Conclusion, join, newTable, serve, why, withClient } from '../pool/serving.ts';
import { bytes, fieldsOf } from '../wire/vectors.ts';
import { CLIENT_ID, contextOf } from './sessions.ts';

describe('Create', () => {
  const created = (fields: Message) => {
    const { table, session } = withClient();
    return serve(table, session, { Op: Op.Create, ClusterName: 'c', ...fields }, 9);
  };
  const properties = (fields: Message) => {
    const { ClusterSize, EndPointCount, ClusterAttrs } = answered(created(fields)).message;
    return [ClusterSize, EndPointCount, bigintOf(ClusterAttrs)];
  };

  it('refuses a Create without a valid name (R1)', () => {
    expect(why(created({ ClusterName: null }))).toBe('cluster-not-named');
    expect(why(created({ ClusterName: '' }))).toBe('cluster-not-named');
    expect(why(created({ ClusterName: '-c' }))).toBe('name-invalid');
    expect(why(created({ ClusterName: 'x'.repeat(129) }))).toBe('name-invalid');
  });

  it.each([
    [undefined, 2],
    [0, 2],
    [1, 2],
    [2, 2],
    [3, 3],
    [64, 64],
    [65, 64],
    [2 ** 32 - 1, 64],
  ])('turns ClusterSize %s into %i (R2)', (ClusterSize, size) => {
    expect(properties({ ...(ClusterSize !== undefined && { ClusterSize }) })[0]).toBe(size);
  });

  it.each([
    [undefined, 1],
    [1, 1],
    [2, 2],
    [3, 2],
    [2 ** 32 - 1, 2],
  ])('turns EndPointCount %s into %i (R3)', (EndPointCount, count) => {
    expect(properties({ ...(EndPointCount !== undefined && { EndPointCount }) })[1]).toBe(count);
  });

  it('refuses a present EndPointCount of 0 (R3)', () => {
    expect(why(created({ EndPointCount: 0 }))).toBe('end-point-count-zero');
  });

  it.each([
    [0n, 0n],
    [1n, 1n],
    [2n, 0n],
    [3n, 1n],
    [2n ** 64n - 1n, 2n ** 64n - 3n],
  ])("turns ClusterAttrs %i into %i: bit 2 is the registry's (R4)", (asked, attrs) => {
    expect(properties({ ClusterAttrs: longOf(asked) })[2]).toBe(attrs);
  });

  it('gives a new cluster a random ID of 32 bytes (R4)', () => {
    expect(fieldsOf(answered(created({})).message)).toMatchObject({ Op: 6, ClusterID: '09'.repeat(32) });
  });

  it('returns an existing cluster unchanged for a Create of its name (R1)', () => {
    const { table, session } = withClient();
    const first = answered(serve(table, session, { Op: Op.Create, ClusterName: 'c', ClusterSize: 3 }, 9));
    const again = { Op: Op.Create, ClusterName: 'c', ClusterSize: 9, EndPointCount: 2, ClusterAttrs: longOf(1n) };
    const second = answered(serve(table, session, again, 10));
    expect(fieldsOf(second.message)).toEqual(fieldsOf(first.message));
  });
});

describe('the cluster of a message', () => {
  const idOf = (outcome: Conclusion) => Buffer.from(answered(outcome).message.ClusterID!).toString('hex');

  /** A session that created `a`, then `b`, and last joined `a`. */
  function withClusters() {
    const { table, session } = withClient();
    const a = answered(serve(table, session, { Op: Op.Create, ClusterName: 'a' }, 0xaa));
    const b = answered(serve(table, a.session, { Op: Op.Create, ClusterName: 'b' }, 0xbb));
    const joined = answered(serve(table, b.session, { Op: Op.Join, ClusterName: 'a' }));
    return { table, fresh: session, session: joined.session, a: 'aa'.repeat(32), b: 'bb'.repeat(32) };
  }

  describe.each([
    ['Join', Op.Join, 'R5'],
    ['GetCluster', Op.GetCluster, 'R7'],
  ] as const)('%s', (name, op, rule) => {
    it(`takes the cluster of the ID, even if the name contradicts (${rule})`, () => {
      const { table, session, a, b } = withClusters();
      expect(idOf(serve(table, session, { Op: op, ClusterID: bytes(b) }))).toBe(b);
      expect(idOf(serve(table, session, { Op: op, ClusterID: bytes(a), ClusterName: 'b' }))).toBe(a);
      expect(why(serve(table, session, { Op: op, ClusterID: Buffer.alloc(32), ClusterName: 'b' }))).toBe(
        'cluster-id-unknown',
      );
    });

    it(`takes the cluster of the name without an ID, and empty fields as absent (${rule})`, () => {
      const { table, session, b } = withClusters();
      expect(idOf(serve(table, session, { Op: op, ClusterName: 'b' }))).toBe(b);
      expect(idOf(serve(table, session, { Op: op, ClusterID: Buffer.alloc(0), ClusterName: 'b' }))).toBe(b);
    });

    it(`takes the last cluster ${name === 'Join' ? 'created' : 'created or joined'} by default (${rule})`, () => {
      const { table, session, a, b } = withClusters();
      expect(idOf(serve(table, session, { Op: op }))).toBe(name === 'Join' ? b : a);
      expect(idOf(serve(table, session, { Op: op, ClusterID: Buffer.alloc(0), ClusterName: '' }))).toBe(
        name === 'Join' ? b : a,
      );
    });

    it(`finds none in a new session without ID and name (${rule})`, () => {
      const { table, fresh } = withClusters();
      expect(why(serve(table, fresh, { Op: op }))).toBe('cluster-not-named');
    });

    it(`reports impossible IDs and names as not found (${rule})`, () => {
      const { table, session, a } = withClusters();
      for (const id of [Buffer.alloc(1), Buffer.alloc(31), bytes(`${a}00`), Buffer.alloc(16_000, 0xaa)]) {
        expect(why(serve(table, session, { Op: op, ClusterID: id }))).toBe('cluster-id-unknown');
      }
      for (const none of ['-', 'A', 'a ', '__proto__', 'x'.repeat(16_000)]) {
        expect(why(serve(table, session, { Op: op, ClusterName: none }))).toBe('cluster-name-unknown');
      }
    });
  });

  it('counts a Create of an existing cluster as created (R5)', () => {
    const { table, session, a } = withClusters();
    const again = answered(serve(table, session, { Op: Op.Create, ClusterName: 'a' }, 5));
    expect(idOf(serve(table, again.session, { Op: Op.Join }))).toBe(a);
  });

  it('takes the cluster of a Create behind a Join for the last (R7)', () => {
    const { table, session, b } = withClusters();
    const again = answered(serve(table, session, { Op: Op.Create, ClusterName: 'b' }, 5));
    expect(idOf(serve(table, again.session, { Op: Op.GetCluster }))).toBe(b);
  });

  it("serves GetCluster before a Join, and of another's cluster (S5)", () => {
    const { table, fresh, a } = withClusters();
    expect(idOf(serve(table, fresh, { Op: Op.GetCluster, ClusterName: 'a' }))).toBe(a);
  });
});

describe('GetCluster', () => {
  /** A cluster of three members, its table, and the last member's session. */
  function withMembers() {
    const table = newTable();
    const sessions = ['11', '22', '33'].map((byte, i) => join(table, `node-${i}`, ['a:1'], byte.repeat(32)));
    serve(table, sessions[0]!, { Op: Op.Create, ClusterName: 'c', ClusterSize: 5 }, 9);
    for (const session of sessions) answered(serve(table, session, { Op: Op.Join, ClusterName: 'c' }));
    return { table, session: sessions[2]! };
  }

  it.each([
    [undefined, 7n, [0, 1, 2]],
    [0n, 0n, []],
    [2n, 2n, [1]],
    [5n, 5n, [0, 2]],
    [2n ** 64n - 1n, 7n, [0, 1, 2]],
    [2n ** 63n, 0n, []],
  ])('answers Which %s with the members of %s (R8)', (which, given, members) => {
    const { table, session } = withMembers();
    const Which = which === undefined ? null : longOf(which);
    const { message, roster } = answered(serve(table, session, { Op: Op.GetCluster, ClusterName: 'c', Which }));
    expect(bigintOf(message.Which)).toBe(given);
    expect(decodeRoster(roster!).map(({ Name }) => Name)).toEqual(members.map((index) => `node-${index}`));
  });

  it('returns the ID always, and the size if the request has any size (R11)', () => {
    const { table, session } = withMembers();
    const asked = (fields: Message) =>
      fieldsOf(answered(serve(table, session, { Op: Op.GetCluster, ClusterName: 'c', ...fields })).message);
    const reply = { Op: 10, ClusterID: '09'.repeat(32), Which: '7' };
    expect(asked({})).toEqual(reply);
    for (const ClusterSize of [0, 1, 5, 2 ** 32 - 1])
      expect(asked({ ClusterSize })).toEqual({ ...reply, ClusterSize: 5 });
  });

  it('returns a Which of 0 for a cluster without members (R8)', () => {
    const { table, session } = withMembers();
    serve(table, session, { Op: Op.Create, ClusterName: 'empty' }, 8);
    const { message, roster } = answered(serve(table, session, { Op: Op.GetCluster, ClusterName: 'empty' }));
    expect(fieldsOf(message)).toMatchObject({ Which: '0' });
    expect(roster!.length).toBe(0);
  });

  it('begins at index 0 in another cluster, and again in the previous one (R9)', () => {
    const { table, session } = withMembers();
    const [first, second] = ['c', 'd'];
    answered(serve(table, session, { Op: Op.Create, ClusterName: second }, 8));
    for (const byte of ['11', '22']) {
      const clientId = byte.repeat(32);
      expect(table.apply({ kind: 'join', clientId, cluster: { name: second } }, 0).reply.kind).toBe('cluster');
    }
    let next: Session = session;
    const whichOf = (ClusterName: string) => {
      const message = { Op: Op.GetCluster, ClusterName };
      const asked = step(next, Op.GetCluster, message, { ...contextOf(1), rosterBytesMax: 1 });
      if (asked.kind !== 'question') throw new Error('step gave no question for the table');
      const answer = answered(asked.conclude(table.apply(asked.command, 0).reply));
      next = answer.session;
      return bigintOf(answer.message.Which);
    };
    expect([first, first, second, second, first].map(whichOf)).toEqual([1n, 2n, 1n, 2n, 1n]);
  });

  it('continues behind the member sent last (R9)', () => {
    const { table, session } = withMembers();
    let next: Session = { ...session, clusterId: '09'.repeat(32) };
    const names: (string | null | undefined)[] = [];
    for (let request = 0; request < 5; request++) {
      const asked = step(next, Op.GetCluster, { Op: Op.GetCluster }, { ...contextOf(1), rosterBytesMax: 1 });
      if (asked.kind !== 'question') throw new Error('step gave no question for the table');
      const { roster, session } = answered(asked.conclude(table.apply(asked.command, 0).reply));
      names.push(...decodeRoster(roster!).map(({ Name }) => Name));
      next = session;
    }
    expect(names).toEqual(['node-0', 'node-1', 'node-2', 'node-0', 'node-1']);
  });
});

describe('Join', () => {
  it.each([
    [0, 1, 'one-end-point-needed'],
    [0, 2, 'two-end-points-needed'],
    [1, 2, 'two-end-points-needed'],
    [1, 1, undefined],
    [2, 2, undefined],
    [4, 1, undefined],
  ])('answers a Join with %i end points where %i are needed: %s (R13)', (ends, needed, refusal) => {
    const { table, session } = withClient(['a:1', 'b:2', 'c:3', 'd:4'].slice(0, ends));
    serve(table, session, { Op: Op.Create, ClusterName: 'c', EndPointCount: needed }, 9);
    expect(why(serve(table, session, { Op: Op.Join, ClusterName: 'c' }))).toBe(refusal);
  });

  it('reports too few end points before a full cluster, and that before a name in use (R13)', () => {
    const { table, session } = withClient(['a:1']);
    const create = { Op: Op.Create, ClusterName: 'c', ClusterSize: 2 };
    serve(table, session, create, 9);
    const second = join(table, 'node-2', ['a:1'], '22'.repeat(32));
    for (const member of [session, second]) answered(serve(table, member, { Op: Op.Join, ClusterName: 'c' }));
    const none = join(table, 'node-1', [], '33'.repeat(32));
    const namesake = join(table, 'node-1', ['a:1'], '44'.repeat(32));
    expect(why(serve(table, none, { Op: Op.Join, ClusterName: 'c' }))).toBe('one-end-point-needed');
    expect(why(serve(table, namesake, { Op: Op.Join, ClusterName: 'c' }))).toBe('cluster-full');
  });

  it("refuses another member's name, and accepts the member's own (R13)", () => {
    const { table, session } = withClient(['a:1']);
    serve(table, session, { Op: Op.Create, ClusterName: 'c', ClusterSize: 3 }, 9);
    answered(serve(table, session, { Op: Op.Join, ClusterName: 'c' }));
    const namesake = join(table, 'node-1', ['a:1'], '22'.repeat(32));
    expect(why(serve(table, namesake, { Op: Op.Join, ClusterName: 'c' }))).toBe('member-name-in-use');
    answered(serve(table, session, { Op: Op.Join, ClusterName: 'c' }));
    const other = join(table, 'node-2', ['a:1'], '22'.repeat(32));
    answered(serve(table, other, { Op: Op.Join, ClusterName: 'c' }));
    const renamed = join(table, 'node-2', ['a:1'], CLIENT_ID);
    expect(why(serve(table, renamed, { Op: Op.Join, ClusterName: 'c' }))).toBe('member-name-in-use');
  });

  it('keeps the index and replaces the token of a member that joins again, also in a full cluster (R6)', () => {
    const { table, session } = withClient(['a:1']);
    serve(table, session, { Op: Op.Create, ClusterName: 'c', ClusterSize: 2 }, 9);
    const second = join(table, 'node-2', ['a:1'], '22'.repeat(32));
    for (const member of [session, second]) answered(serve(table, member, { Op: Op.Join, ClusterName: 'c' }));
    const renamed = join(table, 'moved', ['b:1'], CLIENT_ID);
    const { message } = answered(serve(table, renamed, { Op: Op.Join, ClusterName: 'c' }));
    expect(fieldsOf(message)).toMatchObject({ Op: 8, ClusterSize: 2, EndPointCount: 1, ClusterAttrs: '0' });
    const roster = answered(serve(table, renamed, { Op: Op.GetCluster, ClusterName: 'c' })).roster!;
    expect(decodeRoster(roster).map(({ Name }) => Name)).toEqual(['moved', 'node-2']);
  });
});
