// Several servers on one etcd: what one of them stored first stands for all of them (T11, R1, R6, R13, R14), and nobody is
// answered from less than what anybody had been told before he asked. Seeds are printed by fast-check.

import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
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
import { type EtcdServerUnderTest, endPointsOf, newPrefix, openEtcdStore, openServer, until } from './stores.ts';

const programs = etcdPrograms();
const OTHER_KEY = 'bb'.repeat(32);

describe.skipIf(programs === undefined)('servers on one etcd', () => {
  let etcd: EtcdCluster;
  const open: EtcdServerUnderTest[] = [];
  beforeAll(async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
  });
  afterAll(async () => {
    await etcd.stop();
  });
  afterEach(async () => {
    for (const { store } of open.splice(0)) await store.close();
  });

  async function servers(count: number, limits: TableLimits = NO_LIMITS, prefix = newPrefix()) {
    const opened = await Promise.all(
      Array.from({ length: count }, () => openServer(endPointsOf(etcd), prefix, limits)),
    );
    open.push(...opened);
    return opened as [EtcdServerUnderTest, EtcdServerUnderTest, ...EtcdServerUnderTest[]];
  }

  /** Records as a server that starts now finds them. */
  async function stored(prefix: string) {
    const [one] = await servers(1, NO_LIMITS, prefix);
    return [...one.table.records()].map(plain);
  }

  it('R1: of two that create one name at once one wins, and both tell its properties', async () => {
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

  it('R6, R13: of two that want the last seat one gets it, and the other is told that it is full', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), register(2), register(3), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(3, 'c'));
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.map(({ kind }) => kind).sort()).toEqual(['cluster', 'refused']);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'cluster-full' });
    for (const { coordinator } of [one, other]) expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(3n);
  });

  it('R6: of sixty that want a seat of one cluster at two servers each gets one, 0 to 59', async () => {
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

  it('R13: of two with one name the second is told, whichever server it comes to', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1, 'same'), register(2, 'same'), create('c', 0xc0, 3)]);
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(2, 'c'))]);
    expect(replies.filter(({ kind }) => kind === 'cluster').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'member-name-in-use' });
  });

  it('R6: a client that joins at both at once has one seat', async () => {
    const [one, other] = await servers(2);
    await one.coordinator.ask([register(1), create('c', 0xc0, 3)]);
    const replies = await Promise.all([ask(one.coordinator, join(1, 'c')), ask(other.coordinator, join(1, 'c'))]);
    expect(replies.map(({ kind }) => kind)).toEqual(['cluster', 'cluster']);
    expect(whichOf(await ask(one.coordinator, getCluster('c')))).toBe(1n);
  });

  it('R6, T11: a client that takes another name at one server while it joins at the other has one seat', async () => {
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
      for (const { store } of open.splice(0)) await store.close();
    }
  });

  it('T11: of two that register one ID with different keys one gets it', async () => {
    const [one, other] = await servers(2);
    const replies = await Promise.all([
      ask(one.coordinator, register(1, 'mine')),
      ask(other.coordinator, register(1, 'theirs', OTHER_KEY)),
    ]);
    expect(replies.filter(({ kind }) => kind === 'registered').length).toBe(1);
    expect(replies).toContainEqual({ kind: 'refused', refusal: 'id-in-use' });
  });

  it('T11, R6: a token that a client gives up at one server stays that of a seat it took at the other', async () => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    await one.coordinator.ask([register(1, 'old'), create('c', 0xc0, 3)]);
    await ask(other.coordinator, join(1, 'c'));
    await ask(one.coordinator, register(1, 'fresh'));
    const records = await stored(prefix);
    expect(records).toContainEqual(expect.objectContaining({ kind: 'client', name: 'fresh' }));
    expect(records).toContainEqual(expect.objectContaining({ kind: 'member', name: 'old', index: 0 }));
  });

  it('R14: an eviction at one server and a join at the other leave one of the two, and both servers say which', async () => {
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

  it('R14: an eviction of which nobody knows whether it was stored spares who has come back since', async () => {
    const prefix = newPrefix();
    const [one, other] = await servers(2, NO_LIMITS, prefix);
    await one.coordinator.ask([register(1), create('c', 0xc0, 2)]);
    await ask(one.coordinator, join(1, 'c'));
    await ask(one.coordinator, getCluster('c'));
    const client = new EtcdClient(
      { endPoints: endPointsOf(etcd), tls: undefined, user: undefined },
      { requested() {} },
    );
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
          // The second takes the member away; its answer is lost, and before it is made again the client is back.
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

  it('R14: a cluster that is deleted at one server while others join at the other is gone with all of them', async () => {
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
    // What it took is anybody's again.
    await ask(other.coordinator, create('c', 0xc1, 2));
    expect(await ask(one.coordinator, join(1, 'c'))).toMatchObject({ cluster: { id: idOf(0xc1) } });
  });

  it('R7: what one server has acknowledged the other shows to who asks after that, and refuses nobody for less', async () => {
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

  it('a table that is too long to be read in one go is there as a whole, each record once and in order', async () => {
    const prefix = newPrefix();
    const [one] = await servers(1, NO_LIMITS, prefix);
    // Their names begin alike, and the shortest is how all others begin.
    const names = ['n', ...Array.from({ length: 12_000 }, (_, i) => `n_${i}`)];
    const clusters = names.map((name, i) => ({ ...create(name, 1), id: i.toString(16).padStart(64, '0') }) as Command);
    for (let i = 0; i < clusters.length; i += 1_000) await one.coordinator.ask(clusters.slice(i, i + 1_000));
    const found: string[] = [];
    const store = await openEtcdStore(endPointsOf(etcd), prefix);
    for await (const records of store.load()) {
      for (const record of records) if (record.kind === 'cluster') found.push(record.name);
    }
    await store.close();
    expect(found).toEqual(names.toSorted());
  }, 40_000);

  it('R1 to R14: whatever is asked of two servers, they and one that starts later have one table', async () => {
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
    // A create may come with an ID that some other cluster has by now, which no server would ever do.
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
        // Asking brings each up to date.
        for (const { coordinator } of [one, other]) await ask(coordinator, getCluster('a'));
        const records = (table: EtcdServerUnderTest['table']) => new Set([...table.records()].map(textOf));
        const [late] = await servers(1, NO_LIMITS, prefix);
        expect(records(one.table)).toEqual(records(late.table));
        expect(records(other.table)).toEqual(records(late.table));
        expect(one.broken).toEqual([]);
        for (const { store } of open.splice(0)) await store.close();
      }),
      { numRuns: 60 },
    );
  });

  describe('what is forgotten', () => {
    const limits: TableLimits = { ...NO_LIMITS, ephemeralTtlMs: 4_000, idleRegistrationTtlMs: 4_000 };
    const EPHEMERAL = 1n;
    const gone: Reply = { kind: 'refused', refusal: 'cluster-name-unknown' };
    /** Their clocks run by themselves here. */
    const tick = async (servers: readonly EtcdServerUnderTest[], milliseconds: number) => {
      for (const server of servers) {
        server.clock.now += milliseconds;
        server.coordinator.sweep();
        await server.coordinator.settled();
      }
    };

    it('R4: a cluster that is used at one server stays, though the other has not heard of it for long, or is dead', async () => {
      const [one, other] = await servers(2, limits);
      await one.coordinator.ask([register(1), create('c', 0xc0, 2, EPHEMERAL)]);
      await ask(one.coordinator, join(1, 'c'));
      for (let second = 0; second < 12; second++) {
        await ask(other.coordinator, getCluster('c', idOf(1)));
        await tick([other, one], 1_000);
      }
      expect(clusterIdOf(await ask(one.coordinator, getCluster('c')))).toBe(idOf(0xc0));
      // One dies; it is used at the other only, and a third that never heard of it looks for what has expired.
      await one.store.close();
      for (let second = 0; second < 12; second++) {
        await ask(other.coordinator, getCluster('c', idOf(1)));
        await tick([other], 1_000);
      }
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc0));
    });

    it('R4, T9: what nobody uses goes once, at two servers that look for it at once, and a namesake stays', async () => {
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
      // The other still has the old one in its table until it looks.
      other.coordinator.sweep();
      await other.coordinator.settled();
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc1));
    });

    it('R4: a cluster without a member goes at both, and a kept one and one that is joined elsewhere stay', async () => {
      const both = await servers(2, { ...NO_LIMITS, emptyClusterTtlMs: 4_000 });
      const [one, other] = both;
      const creates = ['empty', 'kept', 'joined', 'left'].map((name, i) => create(name, 0xc0 + i, 2));
      await one.coordinator.ask([register(1), ...creates, join(1, 'left')]);
      await ask(other.coordinator, getCluster('empty'));
      for (const server of both) server.clock.now += 3_900;
      await one.coordinator.ask([{ kind: 'evict', cluster: { name: 'left' }, member: { id: idOf(1) } }]);
      for (const server of both) server.clock.now += 100;
      // What one stores now the other learns of when it looks for what has expired, or not until it is lost to it.
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

    it('R4: a use that a server told of holds a cluster for its time in all servers, and no longer', async () => {
      const both = await servers(2, limits);
      const [one, other] = both;
      await one.coordinator.ask([register(1), create('c', 0xc0, 2, EPHEMERAL)]);
      await ask(one.coordinator, join(1, 'c'));
      one.clock.now += 2_000;
      await ask(one.coordinator, getCluster('c', idOf(1)));
      one.coordinator.sweep();
      await one.coordinator.settled();
      await one.store.close();
      // By the other's clock it is long past, but etcd says that it is held.
      await tick([other], 60_000);
      expect(clusterIdOf(await ask(other.coordinator, getCluster('c')))).toBe(idOf(0xc0));
      await until(
        'the cluster is forgotten',
        async () => {
          await tick([other], 60_000);
          return (await ask(other.coordinator, getCluster('c'))).kind === 'refused';
        },
        25_000,
      );
    }, 40_000);
  });
});

/** The same for the same record, whatever it has come to be made of. */
function textOf(record: Parameters<typeof plain>[0]): string {
  return Object.entries(plain(record))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
