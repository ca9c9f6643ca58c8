// Rounds of forming clusters on two servers with one etcd: the servers agree on rounds, completion and removal, and no
// change slips past a condition.
import { describe, expect, it } from 'vitest';
import type { Command, Reply } from '../../src/registry/command.ts';
import { ask, barrierOf, confirm, createForming, join, Marks, register, whichOf } from '../coordinator/asking.ts';
import { idOf, NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { type EtcdServerUnderTest, newPrefix, openServer, until } from './stores.ts';
import { useEtcd } from './use-etcd.ts';

const programs = etcdPrograms();
const CONFIRM_S = 15;

describe.skipIf(programs === undefined)('two servers on one etcd', () => {
  const { endPoints, open } = useEtcd(programs);

  async function servers(count: number, prefix = newPrefix()) {
    const opened = await Promise.all(
      Array.from({ length: count }, () => openServer(endPoints(), prefix, NO_LIMITS, { now: 0 })),
    );
    open.push(...opened);
    return opened as [EtcdServerUnderTest, EtcdServerUnderTest];
  }

  const seat = async ({ coordinator }: EtcdServerUnderTest, client: number): Promise<Reply> => {
    await ask(coordinator, register(client, `node-${client}`, idOf(client)));
    const reply = await ask(coordinator, join(client, 'c'));
    await coordinator.settled();
    return reply;
  };
  const rosterOf = ({ coordinator }: EtcdServerUnderTest, client = 1) =>
    ask(coordinator, confirm(client, 'c', undefined));
  const stateOf = async (server: EtcdServerUnderTest) => barrierOf(await rosterOf(server))!;
  const returns = async ({ coordinator }: EtcdServerUnderTest, client: number, round: string | undefined) => {
    await ask(coordinator, confirm(client, 'c', round));
    await coordinator.settled();
  };
  const evict = (client: number) =>
    ({ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(client) } }) as unknown as Command;

  async function forming(size: number, prefix?: string) {
    const [one, other] = await servers(2, prefix);
    await ask(one.coordinator, createForming('c', 0xc0, size));
    return { one, other };
  }

  it('tell one round, and complete the cluster by confirmations on both (Q3, Q6)', async () => {
    const { one, other } = await forming(3);
    await seat(one, 1);
    await seat(other, 2);
    await seat(other, 3);
    const { round } = await stateOf(one);
    expect(round).toMatch(/^[0-9a-f]{16}$/);
    expect((await stateOf(other)).round).toBe(round);
    await Promise.all([returns(one, 1, round), returns(other, 2, round)]);
    expect((await stateOf(other)).confirmed).toBe(0b011n);
    await returns(one, 3, round);
    for (const server of [one, other]) {
      expect(await stateOf(server)).toEqual({ epoch: 1, round: undefined, confirmed: 0b111n });
    }
    expect([...one.rounds, ...other.rounds].filter(({ kind }) => kind === 'completed')).toHaveLength(1);
  });

  it('complete it on the server that stored no confirmation (Q6)', async () => {
    const { one, other } = await forming(2);
    await seat(one, 1);
    await seat(one, 2);
    const { round } = await stateOf(one);
    await stateOf(other);
    // Neither server sees the confirmation of the other before both are stored.
    const { store } = one;
    const commit = store.commit.bind(store);
    store.commit = (batch, withinMs) => {
      const completes = batch.some((item) => !('kind' in item) && item.some(({ kind }) => kind === 'completion'));
      return completes ? Promise.reject(new Error('this server dies')) : commit(batch, withinMs);
    };
    await returns(one, 1, round);
    await ask(one.coordinator, confirm(2, 'c', round));
    await one.coordinator.settled();
    other.coordinator.sweep();
    await other.coordinator.settled();
    expect((await stateOf(other)).epoch).toBe(1);
    expect(other.rounds.map(({ kind }) => kind)).toContain('completed');
  });

  it('empty the seats of the silent on both, also more than one change takes (Q7)', async () => {
    const { one, other } = await forming(64);
    for (let client = 1; client <= 64; client++) await seat(client % 2 ? one : other, client);
    const { round } = await stateOf(one);
    for (const client of [1, 2, 3]) await returns(other, client, round);
    await new Marks(one).pass(CONFIRM_S + 1);
    for (const server of [one, other]) expect(whichOf(await rosterOf(server))).toBe(0b111n);
    const seats = one.rounds.flatMap((event) => ('seats' in event ? event.seats : []));
    expect(seats.map(({ index }) => index)).toEqual(Array.from({ length: 61 }, (_, i) => i + 3));
    expect((await stateOf(other)).round).toBeUndefined();
    // The other server knows why, too.
    for (let client = 65; client <= 124; client++) await seat(other, client);
    expect(await seat(other, 20)).toMatchObject({ kind: 'refused', refusal: 'cluster-full', retryAfterMs: 5_000 });
  });

  it('keep a member whose confirmation another server stores first (Q7)', async () => {
    const { one, other } = await forming(2);
    await seat(one, 1);
    await seat(one, 2);
    const { round } = await stateOf(one);
    await returns(one, 1, round);
    const marks = new Marks(one);
    await marks.pass(CONFIRM_S);
    const { store } = one;
    const commit = store.commit.bind(store);
    let raced = false;
    store.commit = async (batch, withinMs) => {
      const ends = batch.some((item) => !('kind' in item) && item.some(({ kind }) => kind === 'round-end'));
      if (ends && !raced) {
        raced = true;
        await returns(other, 2, round);
      }
      return await commit(batch, withinMs);
    };
    await marks.pass(1);
    expect(raced).toBe(true);
    await until('the cluster is complete', async () => (await stateOf(one)).epoch === 1);
    expect(whichOf(await rosterOf(one))).toBe(0b11n);
  });

  it('give the seats of a round to the last who join on both, each once (R6)', async () => {
    const { one, other } = await forming(4);
    for (const client of [1, 2, 3, 4]) await seat(one, client);
    const { round } = await stateOf(one);
    for (const client of [1, 2]) await returns(one, client, round);
    const marks = new Marks(one);
    await marks.pass(CONFIRM_S);
    const joins = [5, 6, 7, 8].map((client) => seat(client % 2 ? one : other, client));
    await marks.pass(1);
    await Promise.all(joins);
    const late = await Promise.all([5, 6, 7, 8].map((client) => seat(client % 2 ? other : one, client)));
    expect(late.filter(({ kind }) => kind === 'cluster')).toHaveLength(2);
    const { round: next, epoch } = await stateOf(other);
    expect({ which: whichOf(await rosterOf(one)), epoch }).toEqual({ which: 0b1111n, epoch: 0 });
    expect(next).not.toBe(round);
  });

  it('end a round by an eviction on either, with its confirmations (Q7)', async () => {
    const { one, other } = await forming(2);
    await seat(one, 1);
    await seat(one, 2);
    const { round } = await stateOf(one);
    await returns(one, 1, round);
    await ask(other.coordinator, evict(2));
    await seat(other, 3);
    for (const server of [one, other]) {
      const { round: next, confirmed } = await stateOf(server);
      expect(confirmed).toBe(0n);
      expect(next).not.toBe(round);
    }
  });

  it('find the round and its confirmations at their start (Q3)', async () => {
    const prefix = newPrefix();
    const { one } = await forming(2, prefix);
    await seat(one, 1);
    await seat(one, 2);
    const { round } = await stateOf(one);
    await returns(one, 1, round);
    const [late] = await servers(1, prefix);
    expect(await stateOf(late)).toEqual({ epoch: 0, round, confirmed: 0b01n });
    await returns(late, 2, round);
    expect((await stateOf(one)).epoch).toBe(1);
  });

  it('make a move on one know of the completion on the other', async () => {
    const { one, other } = await forming(2);
    await seat(one, 1);
    await seat(one, 2);
    const { round } = await stateOf(one);
    await returns(one, 1, round);
    await ask(other.coordinator, register(2, 'moved', idOf(2)));
    const states: (string | undefined)[] = [];
    const { store } = other;
    const commit = store.commit.bind(store);
    let raced = false;
    store.commit = async (batch, withinMs) => {
      const member = batch.flatMap((item) => ('kind' in item ? [item] : item)).find(({ kind }) => kind === 'member');
      if (member?.kind === 'member') states.push(member.roundState);
      if (member && !raced) {
        raced = true;
        await returns(one, 2, round);
      }
      return await commit(batch, withinMs);
    };
    await ask(other.coordinator, join(2, 'c'));
    // The first attempt is made in the round, the second after the completion.
    expect(states).toEqual([`r${round}`, 'c']);
    expect((await stateOf(other)).epoch).toBe(1);
  });
});
