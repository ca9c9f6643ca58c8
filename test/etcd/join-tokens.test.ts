// Join tokens on a real etcd that servers share (A3, A5, A7): no use is had twice, a replacement wins over what its
// former member does meanwhile, and the largest changes fit into a transaction.
import { describe, expect, it } from 'vitest';
import { JOIN_TOKENS_ADDED_MAX, JOIN_TOKENS_PER_CLUSTER_MAX } from '../../src/limits.ts';
import type { Command, OperatorCommand } from '../../src/registry/command.ts';
import type { TokenState } from '../../src/registry/join-token-spec.ts';
import { Marks } from '../coordinator/asking.ts';
import { idOf, NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { inOrder } from '../registry/observe.ts';
import {
  CLUSTER_ID,
  change,
  createWith,
  evict,
  hashOf,
  join,
  kindOf,
  OWNER,
  read,
  register,
  spec,
} from '../registry/token-world.ts';
import { cluster, entry, plain } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { type EtcdServerUnderTest, newPrefix, openServer, until } from './stores.ts';
import { useEtcd } from './use-etcd.ts';

const programs = etcdPrograms();
const ROUNDS = 12;
const CONFIRM_S = 15;
/** YourSeat of a client that has been replaced (V4). */
const REPLACED = 68;

describe.skipIf(programs === undefined)('two servers that share an etcd', () => {
  const { endPoints, open, closeAll } = useEtcd(programs);

  type Server = EtcdServerUnderTest;
  const does = async ({ coordinator }: Server, command: Command | OperatorCommand) =>
    kindOf((await coordinator.ask([command]))[0]!);
  const statesAt = async ({ coordinator }: Server): Promise<readonly TokenState[]> => {
    const [reply] = await coordinator.ask([change()]);
    if (reply?.kind !== 'tokens') throw new Error(kindOf(reply!));
    return reply.tokens;
  };

  /** Two servers with registered clients and a cluster with these tokens. */
  async function servers(tokens = [spec('t', { uses: 1 })], size = 3): Promise<[Server, Server]> {
    const prefix = newPrefix();
    const one = await openServer(endPoints(), prefix);
    open.push(one);
    await one.coordinator.ask([1, 2, 3, OWNER].map((client) => register(client)));
    expect(await does(one, createWith(tokens, size))).toBe('cluster');
    const other = await openServer(endPoints(), prefix);
    open.push(other);
    return [one, other];
  }

  /** A server whose clock stands until the test moves it. */
  async function openForming(prefix: string, clock: { now: number }): Promise<Server> {
    const server = await openServer(endPoints(), prefix, NO_LIMITS, clock);
    open.push(server);
    return server;
  }

  /** Asserts that both servers, and one that starts now, have the same table. */
  async function expectAgreement(one: Server, other: Server): Promise<void> {
    for (const server of [one, other]) await statesAt(server);
    const fresh = await openServer(endPoints(), one.prefix);
    open.push(fresh);
    const tables = [one, other, fresh].map(({ table }) => inOrder([...table.records()]).map(plain));
    expect(tables[1]).toEqual(tables[0]);
    expect(tables[2]).toEqual(tables[0]);
  }

  it('admit one of two SigKeys that join at both with the last use, at the same time (A3)', async () => {
    const winners = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = await servers();
      const replies = await Promise.all([does(one, join(1, 't')), does(other, join(2, 't'))]);
      expect(replies.toSorted()).toEqual(['cluster', 'join-token-used-up']);
      winners.add(replies.join());
      expect((await statesAt(one))[0]!.left).toBe(0);
      await expectAgreement(one, other);
      await closeAll();
    }
    console.log(`who won: ${[...winners].join(' | ')}`);
  });

  it('burn one use for a SigKey that joins at both at the same time (A3)', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = await servers([spec('t', { uses: 2 })]);
      expect(await Promise.all([does(one, join(1, 't')), does(other, join(1, 't'))])).toEqual(['cluster', 'cluster']);
      expect((await statesAt(other))[0]!.left).toBe(1);
      await expectAgreement(one, other);
      await closeAll();
    }
  });

  it('admit nobody by a token whose revocation is stored first, or by an admission that an eviction ended (A3)', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [one, other] = await servers([spec('t', { uses: 2 }), spec('eye', { observer: true })]);
      const revoking = async () => {
        await does(other, change({ revoke: ['t'] }));
        return (await other.coordinator.ask([read(3, 'eye')]))[0];
      };
      const [joined, roster] = await Promise.all([does(one, join(1, 't')), revoking()]);
      // A Join that is not in a roster of after the revocation comes after it.
      expect([joined, roster]).toMatchObject(
        joined === 'cluster' ? ['cluster', { which: 1n }] : ['join-token-unknown', { which: 0n }],
      );
      expect(await does(other, read(1))).toBe(joined === 'cluster' ? 'roster' : 'join-token-needed');
      await does(one, change({ add: [spec('u')] }));
      await does(one, join(2, 'u'));
      await does(one, register(2, 'renamed'));
      const [again] = await Promise.all([does(one, join(2)), does(other, evict(2))]);
      expect(['cluster', 'join-token-needed']).toContain(again);
      const isMember = (await does(one, evict(2))) === 'cluster';
      // A member that the eviction left in its seat would have come back before it.
      expect(isMember).toBe(false);
      await expectAgreement(one, other);
      await closeAll();
    }
  });

  it('give back each use of a round that 61 members let pass, also more than one change takes (A3, Q7)', async () => {
    const clock = { now: 0 };
    const prefix = newPrefix();
    const [one, other] = [await openForming(prefix, clock), await openForming(prefix, clock)];
    await one.coordinator.ask([register(OWNER)]);
    expect(await does(one, { ...createWith([spec('t')], 64), confirmMs: CONFIRM_S * 1_000 } as Command)).toBe(
      'cluster',
    );
    for (let client = 100; client < 164; client++) {
      const server = client % 2 ? one : other;
      await server.coordinator.ask([register(client)]);
      expect(await does(server, join(client, 't'))).toBe('cluster');
    }
    await one.coordinator.settled();
    expect((await statesAt(other))[0]!.left).toBe(0);
    const { round } = one.table.cluster(CLUSTER_ID)!;
    for (const client of [100, 101, 102]) await does(other, { ...read(client), round: round!.id } as Command);
    await other.coordinator.settled();
    await new Marks(one).pass(CONFIRM_S + 1);
    await until('all seats are emptied', async () => {
      one.coordinator.sweep();
      await one.coordinator.settled();
      return one.table.cluster(CLUSTER_ID)!.memberCount === 3;
    });
    for (const server of [one, other]) {
      expect((await statesAt(server))[0]!.left).toBe(61);
      expect(await does(server, read(100))).toBe('roster');
      expect(await does(server, read(163))).toBe('join-token-needed');
    }
    await expectAgreement(one, other);
  });

  it('replace a member in a round at one server, which ends it at both (A5, Q7)', async () => {
    const clock = { now: 0 };
    const prefix = newPrefix();
    const [one, other] = [await openForming(prefix, clock), await openForming(prefix, clock)];
    await one.coordinator.ask([register(1), register(2), register(OWNER)]);
    await does(one, { ...createWith([spec('t')], 2), confirmMs: CONFIRM_S * 1_000 } as Command);
    for (const client of [1, 2]) expect(await does(one, join(client, 't'))).toBe('cluster');
    await one.coordinator.settled();
    await does(other, change({ add: [spec('again', { forName: 'node-1', replace: true })] }));
    const before = other.table.cluster(CLUSTER_ID)!.round!.id;
    await does(other, { ...read(2), round: before } as Command);
    await other.coordinator.settled();
    await other.coordinator.ask([register(4, 'node-1')]);
    expect(await does(other, join(4, 'again'))).toBe('cluster');
    await other.coordinator.settled();
    for (const server of [one, other]) {
      expect(await does(server, read(4))).toBe('roster');
      await server.coordinator.settled();
      const { round, isFull, versions } = server.table.cluster(CLUSTER_ID)!;
      expect([round!.id === before, round!.confirmed.size, isFull]).toEqual([false, 0, true]);
      expect(versions.lossCode(idOf(1))).toBe(REPLACED);
    }
    await expectAgreement(one, other);
  });

  it('store no Join that rests on a token or an admission that another server has ended meanwhile (A3)', async () => {
    const [one, other] = await servers([spec('t', { uses: 2 }), spec('u')]);
    await does(one, join(2, 'u'));
    await does(one, register(2, 'renamed'));
    /** Applies a command at one server, and stores its changes only after the other server's command. */
    const late = async (command: Command, meanwhile: Command | OperatorCommand) => {
      await statesAt(one);
      const outcome = one.table.apply(command, 0);
      expect(kindOf(outcome.reply)).toBe('cluster');
      expect(await does(other, meanwhile)).not.toMatch(/-/);
      const [committed] = await one.store.commit([outcome.changes]);
      outcome.undo();
      return committed!.kind;
    };
    expect(await late(join(1, 't'), change({ revoke: ['t'] }))).toBe('conflict');
    expect(await late(join(2), evict(2))).toBe('conflict');
    expect(await late(join(1, 'u'), join(3, 'u'))).toBe('conflict');
    await expectAgreement(one, other);
    expect((await statesAt(one)).map(({ left }) => left)).toEqual([1]);
  });

  it('replace a member at one server while it moves at the other (A5)', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const again = spec('again', { forName: 'node-1', replace: true, uses: 1 });
      const [one, other] = await servers([spec('t')], 2);
      for (const client of [1, 2]) expect(await does(one, join(client, 't'))).toBe('cluster');
      await does(one, change({ add: [again] }));
      await does(other, read(1));
      const newcomer = register(4, 'node-1');
      const moved = { ...register(1), token: Uint8Array.of(7) };
      await one.coordinator.ask([newcomer]);
      const [replaced, former] = await Promise.all([
        does(one, join(4, 'again')),
        does(other, moved).then(() => does(other, join(1))),
      ]);
      expect(replaced).toBe('cluster');
      expect(['cluster', 'member-replaced']).toContain(former);
      for (const server of [one, other]) {
        expect(await does(server, read(1))).toBe('member-replaced');
        const roster = (await server.coordinator.ask([read(2)]))[0]!;
        expect(roster).toMatchObject({ which: 3n });
        expect(server.table.cluster(idOf(0xc0))!.seats.map((seat) => seat?.clientId)).toEqual([idOf(4), idOf(2)]);
      }
      await expectAgreement(one, other);
      await closeAll();
    }
  });

  it('store the largest changes of tokens in one transaction (A1)', async () => {
    const some = (from: number, fields = {}) =>
      Array.from({ length: JOIN_TOKENS_ADDED_MAX }, (_, i) => spec(`s${from + i}`, { uses: 1, ttlMs: 10, ...fields }));
    const [one, other] = await servers(some(0));
    expect(await does(one, change({ add: some(100) }))).toBe('tokens');
    expect(await does(one, change({ add: some(200).slice(0, 16) }))).toBe('tokens');
    expect(await does(other, change({ add: some(300, { ttlMs: 0 }) }, 1_000))).toBe('tokens');
    const hashes = (await statesAt(one)).map(({ hash }) => hash);
    expect(hashes.length).toBe(JOIN_TOKENS_PER_CLUSTER_MAX);
    expect(hashes).toContain(hashOf('s300'));
    const revoking = { ...change(), revoke: hashes } as Command;
    expect(await does(other, revoking)).toBe('tokens');
    expect(await statesAt(one)).toEqual([]);
    await expectAgreement(one, other);
  });

  it('refuse an entry that needs another one which is not there', async () => {
    const [{ store }] = await servers();
    await store.commit([cluster('d', 0xd0), entry(0xd0, '01', Uint8Array.of(1))]);
    const needing = (needs: string) => ({ ...entry(0xd0, '02', Uint8Array.of(2)), needs });
    expect((await store.commit([needing('03')])).map(({ kind }) => kind)).toEqual(['conflict']);
    expect((await store.commit([needing('01')])).map(({ kind }) => kind)).toEqual(['stored']);
  });
});
