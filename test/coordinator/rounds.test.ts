// Rounds of forming clusters on a store of one server: who confirms, who completes, who loses a seat, and when.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Command, Reply } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { StoreUnreachableError } from '../../src/store/store.ts';
import { idOf } from '../registry/arbitrary-commands.ts';
import {
  ask,
  barrierOf,
  confirm,
  create,
  createForming,
  getCluster,
  join,
  Marks,
  over,
  REFUSED,
  recordsOf,
  register,
  whichOf,
} from './asking.ts';
import { GatedStore } from './gated-store.ts';

const CONFIRM_S = 15;

let server: ReturnType<typeof over>;
let store: MemoryStore;
let marks: Marks;
beforeEach(() => {
  store = new MemoryStore();
  server = over(store);
  marks = new Marks(server);
});

const send = (command: Command): Promise<Reply> => ask(server.coordinator, command);

/** Registers and joins these clients. */
async function joined(...clients: readonly number[]): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (const client of clients) {
    await send(register(client, `node-${client}`, idOf(client)));
    replies.push(await send(join(client, 'c')));
  }
  return replies;
}

const stateOf = async (client: number) => barrierOf(await send(confirm(client, 'c', undefined)))!;

async function confirmed(...clients: readonly number[]): Promise<void> {
  const { round } = await stateOf(clients[0]!);
  for (const client of clients) await send(confirm(client, 'c', round));
}

describe('a cluster with a confirm time', () => {
  beforeEach(async () => {
    await send(createForming('c', 0xc0));
  });

  it('is complete when every member has returned the round (Q2, Q4, Q6)', async () => {
    await joined(1, 2, 3);
    const { epoch, round, confirmed: none } = await stateOf(1);
    expect({ epoch, none }).toEqual({ epoch: 0, none: 0n });
    expect(round).toMatch(/^[0-9a-f]{16}$/);
    await confirmed(1, 3);
    expect(await stateOf(2)).toEqual({ epoch: 0, round, confirmed: 0b101n });
    await confirmed(2);
    expect(await stateOf(1)).toEqual({ epoch: 1, round: undefined, confirmed: 0b111n });
    expect(server.rounds.map(({ kind }) => kind)).toEqual(['begun', 'completed']);
    expect(await recordsOf(store)).toContainEqual(expect.objectContaining({ kind: 'entry', key: '01' }));
  });

  it('is not complete by a Join, the last one included, nor by another round (Q4)', async () => {
    const replies = await joined(1, 2, 3);
    expect(replies.map((reply) => 'round' in reply)).toEqual([false, false, false]);
    const again = await send({ ...(join(3, 'c') as Command & { kind: 'join' }), round: '00'.repeat(8) });
    expect(again).toHaveProperty('round');
    expect((await stateOf(1)).confirmed).toBe(0n);
  });

  it('counts a Join that carries the round (Q4)', async () => {
    await joined(1, 2, 3);
    const { round } = await stateOf(1);
    await confirmed(1, 2);
    await send({ ...(join(3, 'c') as Command & { kind: 'join' }), round });
    expect((await stateOf(1)).epoch).toBe(1);
  });

  it('empties the seats of those who have not confirmed within the confirm time (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await marks.pass(CONFIRM_S);
    expect(whichOf(await send(getCluster('c')))).toBe(0b011n);
    await marks.pass(1);
    const { round, epoch } = await stateOf(1);
    expect({ round, epoch }).toEqual({ round: undefined, epoch: 0 });
    const [, expired] = server.rounds;
    expect(expired).toMatchObject({ kind: 'expired', seats: [{ index: 2, clientId: idOf(3), name: 'node-3' }] });
    await joined(4);
    await confirmed(1, 2, 4);
    expect((await stateOf(1)).epoch).toBe(1);
  });

  it('forgets the confirmations of a round that an eviction ends (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await server.coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(3) } }]);
    await joined(4);
    const { confirmed: bits, epoch } = await stateOf(4);
    expect({ bits, epoch }).toEqual({ bits: 0n, epoch: 0 });
  });

  it('goes on with its round after a move and a repeated Join (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1);
    const { round } = await stateOf(1);
    await send(register(1, 'moved', idOf(1)));
    await send(join(1, 'c'));
    await send(join(2, 'c'));
    expect(await stateOf(2)).toEqual({ epoch: 0, round, confirmed: 0b001n });
  });

  it('stays complete with a hole (Q2)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2, 3);
    await server.coordinator.ask([{ kind: 'evict', cluster: { name: 'c' }, member: { id: idOf(3) } }]);
    expect(await stateOf(1)).toEqual({ epoch: 1, round: undefined, confirmed: 0b011n });
    await joined(4);
    expect(await stateOf(1)).toEqual({ epoch: 1, round: undefined, confirmed: 0b111n });
  });

  it('refuses a Join for now while it is full or has the name, until it is complete (Q8)', async () => {
    await joined(1, 2, 3);
    const [late] = await joined(4);
    expect(late).toEqual({ kind: 'refused', refusal: 'cluster-full', retryAfterMs: 5_000 });
    await marks.pass(CONFIRM_S - 1);
    expect(await send(join(4, 'c'))).toEqual({ kind: 'refused', refusal: 'cluster-full', retryAfterMs: 1_000 });
    await confirmed(1, 2, 3);
    expect(await send(join(4, 'c'))).toEqual({ kind: 'refused', refusal: 'cluster-full' });
  });

  it('keeps the last seat for 5 s from a client that lost one (Q8)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await marks.pass(CONFIRM_S + 1);
    expect(await send(join(3, 'c'))).toEqual({ kind: 'refused', refusal: 'cluster-full', retryAfterMs: 5_000 });
    server.clock.now += 5_000;
    expect(await send(join(3, 'c'))).toMatchObject({ kind: 'cluster' });
  });

  it('lets a late mark set the age to half, never to 0 (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await marks.pass(CONFIRM_S - 1);
    await marks.pass(1, 1_001);
    await marks.pass(8);
    expect((await stateOf(1)).round).toBeDefined();
    await marks.pass(3);
    expect((await stateOf(1)).round).toBeUndefined();
  });

  it('ends a round within five confirm times of counted seconds, however often marks are late (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    let seconds = 0;
    while ((await stateOf(1)).round !== undefined && seconds < 10 * CONFIRM_S) {
      // The first and the last do not count: one follows a gap, one is late.
      await marks.pass(3);
      await marks.pass(1, 1_001);
      seconds += 2;
    }
    expect(seconds).toBeGreaterThan(4 * CONFIRM_S);
    expect(seconds).toBeLessThanOrEqual(5 * CONFIRM_S);
    expect(whichOf(await send(confirm(1, 'c', undefined)))).toBe(0b011n);
  });

  it('counts no second in which the store does not answer, however long (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    const { commit } = store;
    store.commit = () => Promise.reject(new StoreUnreachableError('away'));
    await send(register(4, 'node-4', idOf(4)));
    await marks.pass(20 * CONFIRM_S);
    store.commit = commit;
    server.coordinator.sweep();
    await server.coordinator.settled();
    await marks.pass(CONFIRM_S);
    expect((await stateOf(1)).round).toBeDefined();
    await marks.pass(1);
    expect((await stateOf(1)).round).toBeUndefined();
  });

  it('lets a lost mark and a stopped front end set the age to half (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await marks.pass(CONFIRM_S);
    server.clock.now += 60_000;
    await marks.pass(8);
    expect((await stateOf(1)).round).toBeDefined();
    await marks.pass(3);
    expect((await stateOf(1)).round).toBeUndefined();
  });

  it('removes nobody while the store does not answer, and goes on at half the age (Q7)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    await marks.pass(CONFIRM_S);
    const { commit } = store;
    store.commit = () => Promise.reject(new StoreUnreachableError('away'));
    await marks.pass(3);
    store.commit = commit;
    server.coordinator.sweep();
    await server.coordinator.settled();
    expect((await stateOf(3)).round).toBeDefined();
    await marks.pass(CONFIRM_S);
    expect((await stateOf(1)).round).toBeUndefined();
  });

  it('leaves the last member out for readers in RSA dialects until it is complete (Q5)', async () => {
    await joined(1, 2, 3);
    const shown = async (client: number) => whichOf(await send(getCluster('c', idOf(client))));
    expect([await shown(1), await shown(3), await shown(9)]).toEqual([0b011n, 0b101n, 0b011n]);
    await confirmed(1, 2, 3);
    expect(await shown(1)).toBe(0b111n);
  });

  it('counts a Bye of an RSA dialect with the round of its last roster (Q5)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    const { round } = await stateOf(1);
    const bye = { kind: 'confirm', clientId: idOf(3), clusterId: idOf(0xc0) } as const;
    await send({ ...bye, round: '11'.repeat(8) });
    expect((await stateOf(1)).epoch).toBe(0);
    await send({ ...bye, round: round! });
    expect((await stateOf(1)).epoch).toBe(1);
  });

  it('begins a new round after a restart, since the store has none (Q3)', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2);
    const { round } = await stateOf(1);
    const next = over(store);
    await next.coordinator.load();
    next.coordinator.sweep();
    await next.coordinator.settled();
    const after = barrierOf(await ask(next.coordinator, confirm(1, 'c', round)))!;
    expect(after).toMatchObject({ epoch: 0, confirmed: 0n });
    expect(after.round).not.toBe(round);
  });

  it('is complete after a restart if it was', async () => {
    await joined(1, 2, 3);
    await confirmed(1, 2, 3);
    const next = over(store);
    await next.coordinator.load();
    expect(barrierOf(await ask(next.coordinator, confirm(1, 'c', undefined)))).toMatchObject({ epoch: 1 });
  });
});

it('is complete once it is full, if it was made through sealed without a confirm time (Q1)', async () => {
  await send(createForming('c', 0xc0, 2, 0));
  await joined(1);
  expect(await stateOf(1)).toEqual({ epoch: 0, round: undefined, confirmed: 0n });
  await joined(2);
  expect(await stateOf(1)).toEqual({ epoch: 1, round: undefined, confirmed: 0b11n });
  expect(await recordsOf(store)).toContainEqual(expect.objectContaining({ kind: 'entry', key: '01' }));
});

it('stores the completion in the commit of the Join that fills the cluster, and reports it once (Q1)', async () => {
  const gated = new GatedStore();
  const { table, coordinator, rounds } = over(gated);
  table.setRosterMaker({ make: () => Uint8Array.of(1), isOfTerm: () => true });
  const setUp = [createForming('c', 0xc0, 2, 0), register(1), join(1, 'c'), register(2)];
  const made = coordinator.ask(setUp);
  (await gated.nextCommit()).pass();
  await made;
  const failed = ask(coordinator, join(2, 'c'));
  (await gated.nextCommit()).fail();
  expect(await failed).toEqual(REFUSED);
  const joined = ask(coordinator, join(2, 'c'));
  const commit = await gated.nextCommit();
  expect(commit.batch.map(({ kind }) => kind)).toEqual(['member', 'entry', 'entry']);
  expect(rounds).toEqual([]);
  commit.pass();
  expect(await joined).toMatchObject({ kind: 'cluster' });
  await coordinator.settled();
  expect(rounds).toEqual([{ kind: 'completed', clusterId: idOf(0xc0) }]);
});

it('stores nothing for a cluster that a client of an RSA dialect made (Q1)', async () => {
  await send(create('c', 0xc0, 2));
  await joined(1, 2);
  expect(barrierOf(await send(confirm(1, 'c', undefined)))).toBeUndefined();
  expect((await recordsOf(store)).some(({ kind }) => kind === 'entry')).toBe(false);
});
