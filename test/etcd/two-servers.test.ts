// Several servers on one etcd. The first commit wins on all of them (T11, R1, R6, R13, R14). Replies are linearizable
// across servers. fast-check prints its seeds.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command, RegisterCommand, Reply } from '../../src/registry/command.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';
import { ETCD, type TxnRequest, type TxnResponse } from '../../src/store/etcd/etcd-calls.ts';
import { EtcdClient } from '../../src/store/etcd/etcd-client.ts';
import { commitItems } from '../../src/store/etcd/etcd-commit.ts';
import { EtcdKeys } from '../../src/store/etcd/etcd-keys.ts';
import { ask, clusterIdOf, create, getCluster, join, register, whichOf } from '../coordinator/asking.ts';
import { idOf, NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { observeTable } from '../registry/observe.ts';
import { plain } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { type EtcdServerUnderTest, newPrefix, openEtcdStore, openServer, until } from './stores.ts';
import { useEtcd } from './use-etcd.ts';

const programs = etcdPrograms();
const OTHER_KEY = 'bb'.repeat(32);

describe.skipIf(programs === undefined)('servers on one etcd', () => {
  const { endPoints, open, closeAll } = useEtcd(programs);

  async function servers(count: number, limits: TableLimits = NO_LIMITS, prefix = newPrefix()) {
    const opened = await Promise.all(Array.from({ length: count }, () => openServer(endPoints(), prefix, limits)));
    open.push(...opened);
    return opened as [EtcdServerUnderTest, EtcdServerUnderTest, ...EtcdServerUnderTest[]];
  }

  /** The records that a server starting now loads. */
  async function stored(prefix: string) {
    const [one] = await servers(1, NO_LIMITS, prefix);
    return [...one.table.records()].map(plain);
  }

  it('let one of two concurrent Creates of a name win, and give both its properties (R1)', async () => {
    const [one, other] = await servers(2);
    const replies = await Promise.all([
      ask(one.coordinator, create('c', 0xc1, 3)),
      ask(other.coordinator, create('c', 0xc2, 5)),
    ]);
    expect(replies[0]).toEqual(replies[1]);
    for (const { coordinator } of [one, other]) {
      expect(clusterIdOf(await ask(coordinator, getCluster('c')))).toBe(clusterIdOf(replies[0]));
    }
  });

  it('give the last seat to one of two clients and tell the other that the cluster is full (R6, R13)', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), register(2), register(3), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(3, 'c'));
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.map(({ kind }) => kind).sort()).toEqual(['cluster', 'refused']);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'cluster-full' });
    for (const { coordinator } of [one, other]) expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(3n);
  });

  it('give each of sixty clients at two servers a seat of its own, 0 to 59 (R6)', async () => {
    const [one, other] = await servers(2);
    const clients = Array.from({ length: 60 }, (_, i) => i + 1);
    await one.coordinator.ask([...clients.map((client) => register(client)), create('c', 0xc0, 64)]);
    const replies = await Promise.all(
      clients.map((client) => ask((client % 2 === 0 ? one : other).coordinator, join(client, 'c'))),
    );
    expect(new Set(replies.map(({ kind }) => kind))).toEqual(new Set(['cluster']));
    for (const { coordinator } of [one, other]) {
      expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(2n ** 60n - 1n);
    }
    expect(observeTable(one.table)).toEqual(observeTable(other.table));
  });

  it('refuse the second of two members with one name, at either server (R13)', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1, 'same'), register(2, 'same'), create('c', 0xc0, 3)]);
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.filter(({ kind }) => kind === 'cluster').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'member-name-in-use' });
  });

  it('give one seat to a client that joins at both servers at once (R6)', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), create('c', 0xc0, 3)]);
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(1, 'c'))]);
    expect(replies.map(({ kind }) => kind)).toEqual(['cluster', 'cluster']);
    expect(whichOf(await ask(one.coordinator, getCluster('c')))).toBe(1n);
  });

  it('give one seat to a client that changes its name at one server while it joins at the other (R6, T11)', async () => {
    for (let round = 0; round < 20; round++) {
      const prefix = newPrefix();
      const [one, other] = await servers(2, NO_LIMITS, prefix);
      await one.coordinator.ask([register(1, 'old'), create('c', 0xc0, 3)]);
      await ask(other.coordinator, getCluster('c'));
      await Promise.all([
        ask(one.coordinator, join(1, 'c')),
        ask(other.coordinator, register(1, 'new')).then(() => ask(other.coordinator, join(1, 'c'))),
      ]);
      const members = (await stored(prefix)).filter((record) => 'index' in record);
      expect(members).toMatchObject([{ index: 0, clientId: idOf(1) }]);
      await closeAll();
    }
  });

  it('give an ID to one of two clients that register it with different keys (T11)', async () => {
    const [one, other] = await servers(2);
    const replies = await Promise.all([
      ask(one.coordinator, register(1, 'mine')),
      ask(other.coordinator, register(1, 'theirs', OTHER_KEY)),
    ]);
    expect(replies.filter(({ kind }) => kind === 'registered').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'id-in-use' });
  });

  it('keep the token of a seat when its client replaces the token at the other server (R6, T11)', async () => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    await one.coordinator.ask([register(1, 'old'), create('c', 0xc0, 3)]);
    await ask(other.coordinator, join(1, 'c'));
    await ask(one.coordinator, register(1, 'fresh'));
    const records = await stored(prefix);
    expect(records).toContainEqual(expect.objectContaining({ kind: 'client', name: 'fresh' }));
    expect(records).toContainEqual(expect.objectContaining({ kind: 'member', name: 'old', index: 0 }));
  });

  it('agree on the one member left by an eviction at one server and a Join at the other (R14)', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), register(2), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(1, 'c'));
    const [evicted, joined] = await Promise.all([
      one.coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(1) } }]),
      ask(other.coordinator, join(2, 'c')),
    ]);
    expect([evicted[0]!.kind, joined.kind]).toEqual(['cluster', 'cluster']);
    const rosters = await Promise.all([one, other].map(({ coordinator }) => ask(coordinator, getCluster('c'))));
    expect(rosters[0]).toEqual(rosters[1]);
    expect([1n, 2n]).toContain(whichOf(rosters[0]!));
  });

  it.each([
    ['emptied', 0n],
    ['taken anew', 1n],
  ] as const)('let a registration keep no token of a seat that is %s meanwhile (R14, T11)', async (how, seats) => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    await one.coordinator.ask([register(1, 'old'), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(1, 'c'));
    await ask(other.coordinator, getCluster('c'));
    const { store } = other;
    const commit = store.commit.bind(store);
    let raced = false;
    store.commit = async (batch, withinMs) => {
      if (!raced) {
        raced = true;
        await one.coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(1) } }]);
        if (how === 'taken anew') {
          await ask(one.coordinator, register(1, 'second'));
          await ask(one.coordinator, join(1, 'c'));
        }
      }
      return await commit(batch, withinMs);
    };
    // The registration writes the seat with the token that it was taken with.
    expect(await ask(other.coordinator, register(1, 'third'))).toEqual({ kind: 'registered' });
    for (const { coordinator } of [one, other]) expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(seats);
    const records = await stored(prefix);
    expect(records).toContainEqual(expect.objectContaining({ kind: 'client', name: 'third' }));
    const members = records.filter((record) => 'index' in record);
    expect(members).toMatchObject(how === 'taken anew' ? [{ name: 'second', index: 0 }] : []);
  });

  it('take a seat from nobody else when a Leave is repeated after others joined (A8, R14)', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), register(2), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(1, 'c'));
    const leave = { kind: 'leave' as const, clientId: idOf(1), cluster: { name: 'c' } };
    // Both servers may empty the seat, and one of them may already have given it to the next client.
    const replies = await Promise.all([
      ask(one.coordinator, leave),
      ask(other.coordinator, leave).then(() => ask(other.coordinator, join(2, 'c'))),
      ask(one.coordinator, leave),
    ]);
    expect(replies.map(({ kind }) => kind)).toEqual(['cluster', 'cluster', 'cluster']);
    for (const { coordinator } of [one, other]) {
      const roster = await ask(coordinator, getCluster('c'));
      expect(roster).toMatchObject({ which: 1n, roster: (register(2) as RegisterCommand).token });
    }
  });

  it('spare a member that came back while the outcome of its eviction was unknown (R14)', async () => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    await one.coordinator.ask([register(1), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(1, 'c'));
    await ask(one.coordinator, getCluster('c'));
    const client = new EtcdClient({ endPoints: endPoints(), tls: undefined, user: undefined }, { requested() {} });
    const transact = (request: TxnRequest) =>
      client.call<TxnRequest, TxnResponse>(ETCD.txn, request, performance.now() + 5_000);
    const { known } = await client
      .call(ETCD.range, { key: Buffer.from(`${prefix}h`) }, performance.now() + 5_000)
      .then(({ header }) => ({ known: Number(header!.revision) }));
    let sent = 0;
    const evicted = await commitItems(
      [{ kind: 'member-removal', clusterId: idOf(0xc0), index: 0, clientId: idOf(1) }],
      {
        keys: new EtcdKeys(prefix),
        known,
        stamp: () => randomBytes(12),
        async transact(request) {
          const answer = await transact(request);
          // The second transaction removes the member. Its reply is lost, and the client rejoins before the retry.
          if (++sent !== 2) return answer;
          expect((await ask(other.coordinator, join(1, 'c'))).kind).toBe('cluster');
          return transact(request);
        },
      },
    );
    client.close();
    expect(evicted.outcomes).toEqual([{ kind: 'stored' }]);
    for (const { coordinator } of [one, other]) expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(1n);
  });

  it('remove all members of a cluster deleted at one server while clients join at the other (R14)', async () => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    const clients = [1, 2, 3, 4, 5, 6];
    await one.coordinator.ask([...clients.map((client) => register(client)), create('c', 0xc0, 64)]);
    await Promise.all([
      ...clients.map((client) => ask(other.coordinator, join(client, 'c'))),
      one.coordinator.ask([{ kind: 'delete-cluster', cluster: { name: 'c' } }]),
    ]);
    expect((await stored(prefix)).filter((record) => !('sigKeyDigest' in record))).toEqual([]);
    const unknown = { kind: 'refused', refusal: 'cluster-name-unknown' };
    for (const { coordinator } of [one, other]) expect(await ask(coordinator, getCluster('c'))).toEqual(unknown);
    // The name is free again.
    await ask(other.coordinator, create('c', 0xc1, 2));
    expect(await ask(one.coordinator, join(1, 'c'))).toMatchObject({ cluster: { id: idOf(0xc1) } });
  });

  it('base every reply on all commits acknowledged by either server (R7)', async () => {
    const [one, other] = await servers(2);
    const both = [one, other];
    for (let round = 0; round < 100; round++) {
      const [here, there] = [both[round % 2]!.coordinator, both[(round + 1) % 2]!.coordinator];
      const [name, client] = [`c-${round}`, 1 + (round % 200)];
      expect(await ask(here, register(client))).toEqual({ kind: 'registered' });
      expect((await ask(there, { kind: 'find-client', clientId: idOf(client) })).kind).toBe('client');
      const created = await ask(here, { ...create(name, 1, 2), id: round.toString(16).padStart(64, 'e') } as Command);
      expect(clusterIdOf(await ask(there, getCluster(name)))).toBe(clusterIdOf(created));
      expect((await ask(there, join(client, name))).kind).toBe('cluster');
      expect(whichOf(await ask(here, getCluster(name)))).toBe(1n);
    }
  });

  it('load a table of many pages completely, each record once and in order', async () => {
    const prefix = newPrefix();
    const [one] = await servers(1, NO_LIMITS, prefix);
    // The shortest name is a prefix of all others.
    const names = ['n', ...Array.from({ length: 12_000 }, (_, i) => `n_${i}`)];
    const clusters = names.map((name, i) => ({ ...create(name, 1), id: i.toString(16).padStart(64, '0') }) as Command);
    for (let i = 0; i < clusters.length; i += 1_000) await one.coordinator.ask(clusters.slice(i, i + 1_000));
    const found: string[] = [];
    const store = await openEtcdStore(endPoints(), prefix);
    for await (const records of store.load()) {
      for (const record of records) if (record.kind === 'cluster') found.push(record.name);
    }
    await store.close();
    expect(found).toEqual(names.toSorted());
  }, 40_000);

  it('share one table with a server that starts later, after any commands (R1 to R14)', async () => {
    const client = fc.integer({ min: 1, max: 4 });
    const name = fc.constantFrom('a', 'b');
    const command: fc.Arbitrary<Command | Parameters<EtcdServerUnderTest['coordinator']['ask']>[0][number]> = fc.oneof(
      fc
        .tuple(client, fc.constantFrom('x', 'y'), fc.boolean())
        .map(([id, name, ephemeral]) => ({ ...register(id, name), ephemeral }) as Command),
      fc.tuple(name, fc.integer({ min: 0x10, max: 0xff })).map(([name, id]) => create(name, id, 3)),
      { weight: 3, arbitrary: fc.tuple(client, name).map(([id, name]) => join(id, name)) },
      fc.tuple(client, name).map(([id, name]) => ({
        kind: 'evict' as const,
        cluster: { name },
        member: { id: idOf(id) },
      })),
      name.map((name) => ({ kind: 'delete-cluster' as const, cluster: { name } })),
      name.map((name) => getCluster(name)),
    );
    const steps = fc.array(fc.tuple(fc.boolean(), fc.array(command, { minLength: 1, maxLength: 5 })), {
      maxLength: 12,
    });
    // Give each Create a unique ID, as servers do.
    const distinct = steps.map((steps) => {
      let id = 0;
      const fresh = (command: (typeof steps)[number][1][number]) =>
        command.kind === 'create' ? { ...command, id: (++id).toString(16).padStart(64, 'f') } : command;
      return steps.map(([first, commands]) => [first, commands.map(fresh)] as const);
    });
    await fc.assert(
      fc.asyncProperty(distinct, async (steps) => {
        const prefix = newPrefix();
        const [one, other] = await servers(2, NO_LIMITS, prefix);
        await Promise.all(steps.map(([first, commands]) => (first ? one : other).coordinator.ask(commands)));
        // A query makes each server catch up.
        for (const { coordinator } of [one, other]) await ask(coordinator, getCluster('a'));
        const records = (table: EtcdServerUnderTest['table']) => new Set([...table.records()].map(textOf));
        const [late] = await servers(1, NO_LIMITS, prefix);
        expect(records(one.table)).toEqual(records(late.table));
        expect(records(other.table)).toEqual(records(late.table));
        expect(one.broken).toEqual([]);
        await closeAll();
      }),
      { numRuns: 60 },
    );
  });

  describe('with expiry', () => {
    const limits: TableLimits = { ...NO_LIMITS, ephemeralTtlMs: 4_000, idleRegistrationTtlMs: 4_000 };
    const EPHEMERAL = 1n;
    const gone: Reply = { kind: 'refused', refusal: 'cluster-name-unknown' };
    /** Advances the servers' virtual clocks and sweeps. */
    const tick = async (servers: readonly EtcdServerUnderTest[], milliseconds: number) => {
      for (const server of servers) {
        server.clock.now += milliseconds;
        server.coordinator.sweep();
        await server.coordinator.settled();
      }
    };

    it('keep a cluster in use at one server though the other sees no use or is dead (R4)', async () => {
      const [one, other] = await servers(2, limits);
      await one.coordinator.ask([register(1), create('c', 0xc0, 2, EPHEMERAL)]);
      await ask(one.coordinator, join(1, 'c'));
      for (let second = 0; second < 12; second++) {
        await ask(other.coordinator, getCluster('c', idOf(1)));
        await tick([other, one], 1_000);
      }
      expect(clusterIdOf(await ask(one.coordinator, getCluster('c')))).toBe(idOf(0xc0));
      // One server dies. The cluster is in use only at the other, which also sweeps.
      await one.store.close();
      for (let second = 0; second < 12; second++) {
        await ask(other.coordinator, getCluster('c', idOf(1)));
        await tick([other], 1_000);
      }
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc0));
    });

    it('remove unused records once, and keep a new cluster of the same name (R4, T9)', async () => {
      const prefix = newPrefix();
      const both = await servers(2, limits, prefix);
      const [one, other] = both;
      await one.coordinator.ask([register(1), create('c', 0xc0, 2, EPHEMERAL)]);
      await ask(other.coordinator, getCluster('c'));
      for (const server of both) server.clock.now += 5_000;
      for (const { coordinator } of both) coordinator.sweep();
      await Promise.all(both.map(({ coordinator }) => coordinator.settled()));
      for (const { coordinator } of both) expect(await ask(coordinator, getCluster('c'))).toEqual(gone);
      expect(await ask(one.coordinator, { kind: 'find-client', clientId: idOf(1) })).toEqual({
        kind: 'refused',
        refusal: 'client-unknown',
      });
      await ask(one.coordinator, create('c', 0xc1, 2, EPHEMERAL));
      // The other server still has the old cluster in its table until it catches up.
      other.coordinator.sweep();
      await other.coordinator.settled();
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc1));
    });

    it('remove empty clusters at both servers, but none that is kept or has been joined (R4)', async () => {
      const both = await servers(2, { ...NO_LIMITS, emptyClusterTtlMs: 4_000 });
      const [one, other] = both;
      const creates = ['empty', 'kept', 'joined', 'left'].map((name, i) => create(name, 0xc0 + i, 2));
      await one.coordinator.ask([register(1), ...creates, join(1, 'left')]);
      await ask(other.coordinator, getCluster('empty'));
      for (const server of both) server.clock.now += 3_900;
      await one.coordinator.ask([{ kind: 'evict', cluster: { name: 'left' }, member: { id: idOf(1) } }]);
      for (const server of both) server.clock.now += 100;
      // The other server learns of this commit at its sweep, or by losing a conflict to it.
      const { kind: _, clientId: __, ...shape } = create('kept', 0xd0, 2) as Command & { kind: 'create' };
      const storing = one.coordinator.ask([join(1, 'joined'), { ...shape, kind: 'keep-cluster' }]);
      other.coordinator.sweep();
      await Promise.all([storing, other.coordinator.settled()]);
      await tick(both, 0);
      const told = async (name: string) =>
        Promise.all(both.map(async (at) => clusterIdOf(await ask(at.coordinator, getCluster(name)))));
      expect(await told('empty')).toEqual([undefined, undefined]);
      expect(await told('left')).toEqual([idOf(0xc3), idOf(0xc3)]);
      await tick(both, 4_000);
      expect(await told('left')).toEqual([undefined, undefined]);
      for (let second = 0; second < 5; second++) await tick(both, 4_000);
      const names = both.map(({ table }) =>
        [...table.records()].flatMap((record) => (record.kind === 'cluster' ? [record.name] : [])).sort(),
      );
      expect(names[0]).toEqual(names[1]);
      expect(names[0]).toEqual(['joined', 'kept']);
    });

    it('keep a cluster with an announced use until the lease of the use ends (R4)', async () => {
      const both = await servers(2, limits);
      const [one, other] = both;
      await one.coordinator.ask([register(1), create('c', 0xc0, 2, EPHEMERAL)]);
      await ask(one.coordinator, join(1, 'c'));
      one.clock.now += 2_000;
      await ask(one.coordinator, getCluster('c', idOf(1)));
      one.coordinator.sweep();
      await one.coordinator.settled();
      await one.store.close();
      // By the other server's clock the cluster has expired, but a lease in etcd still holds it.
      await tick([other], 60_000);
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc0));
      await until(
        'the cluster has expired',
        async () => {
          await tick([other], 60_000);
          return (await ask(other.coordinator, getCluster('c'))).kind === 'refused';
        },
        25_000,
      );
    }, 40_000);
  });
});

/** A canonical text of a record, independent of the order of its fields. */
function textOf(record: Parameters<typeof plain>[0]): string {
  return Object.entries(plain(record))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
