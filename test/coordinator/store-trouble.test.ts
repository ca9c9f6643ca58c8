// A full store: changes are refused, everything else works, no reply shows unstored data, and it recovers (E5, E6). A
// broken store: nothing that needs it is acknowledged any more.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Coordinator } from '../../src/coordinator/coordinator.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command } from '../../src/registry/command.ts';
import { history, idOf, NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { observeTable } from '../registry/observe.ts';
import { ask, clusterIdOf, create, getCluster, join, over, REFUSED, register, whichOf } from './asking.ts';
import { GatedStore } from './gated-store.ts';

/** A coordinator with client 1 registered, and with cluster c that client 2 has joined. */
async function prepared(limits = NO_LIMITS) {
  const store = new GatedStore();
  const parts = over(store, limits);
  const setup = parts.coordinator.ask([register(1), register(2), create('c', 0xc0), join(2, 'c')]);
  (await store.nextCommit()).pass();
  await setup;
  return { store, ...parts };
}

describe('a store that is full', () => {
  /** The replies to a batch whose commit fails. */
  async function failing(store: GatedStore, coordinator: Coordinator, commands: readonly Command[]) {
    const replies = coordinator.ask(commands);
    (await store.nextCommit()).fail();
    return replies;
  }

  it('refuses changes, and leaves the table as it was (E5)', async () => {
    const { store, coordinator, table, full, broken } = await prepared();
    const before = observeTable(table);
    for (const command of [register(3), register(1, 'renamed'), create('d', 0xd0), join(1, 'c')]) {
      expect(await failing(store, coordinator, [command])).toEqual([REFUSED]);
      expect(observeTable(table)).toEqual(before);
    }
    expect(full).toEqual(['the disk is full']);
    expect(broken).toEqual([]);
  });

  it('serves commands that change nothing (E5)', async () => {
    const { store, coordinator } = await prepared();
    await failing(store, coordinator, [register(3)]);
    expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(1n);
    expect(clusterIdOf(await ask(coordinator, create('c', 0xd0)))).toBe(idOf(0xc0));
    expect((await ask(coordinator, join(2, 'c'))).kind).toBe('cluster');
    expect((await ask(coordinator, { kind: 'find-client', clientId: idOf(1) })).kind).toBe('client');
  });

  it('serves commands that change nothing beside refused ones (E5)', async () => {
    const { store, coordinator } = await prepared();
    const replies = await failing(store, coordinator, [getCluster('c'), register(3), create('c', 0xd0), join(9, 'c')]);
    expect(replies.map(({ kind }) => kind)).toEqual(['roster', 'refused', 'cluster', 'refused']);
    expect(replies[1]).toEqual(REFUSED);
    expect(replies[3]).toEqual({ kind: 'refused', refusal: 'client-unknown' });
  });

  it('registers an ephemeral client beside refused commands (T9, E5)', async () => {
    const { store, coordinator } = await prepared();
    const ephemeral = { ...register(4), ephemeral: true } as Command;
    const replies = await failing(store, coordinator, [register(3), ephemeral]);
    expect(replies).toEqual([REFUSED, { kind: 'registered' }]);
    expect((await ask(coordinator, { kind: 'find-client', clientId: idOf(4) })).kind).toBe('client');
  });

  it('recovers without a restart (E5)', async () => {
    const { store, coordinator, full } = await prepared();
    await failing(store, coordinator, [join(1, 'c')]);
    const again = coordinator.ask([join(1, 'c'), getCluster('c')]);
    (await store.nextCommit()).pass();
    expect((await again).map(whichOf)).toEqual([undefined, 3n]);
    expect(full).toEqual(['the disk is full', undefined]);
    await failing(store, coordinator, [register(3)]);
    expect(full).toEqual(['the disk is full', undefined, 'the disk is full']);
  });

  it('hides a cluster that failed to be stored from a second Create in its batch (R4, E5)', async () => {
    const { store, coordinator } = await prepared();
    const [first, second] = await failing(store, coordinator, [create('d', 0xd0), create('d', 0xd1)]);
    expect(first).toEqual(REFUSED);
    expect(second).toEqual(REFUSED);
  });

  it('hides a member that failed to be stored from a GetCluster in its batch (R6, E5)', async () => {
    const { store, coordinator } = await prepared();
    const [joined, roster] = await failing(store, coordinator, [join(1, 'c'), getCluster('c')]);
    expect(joined).toEqual(REFUSED);
    expect(whichOf(roster!)).toBe(1n);
  });

  it('hides a registration that failed to be stored from a Client by ID in its batch (T12, E5)', async () => {
    const { store, coordinator } = await prepared();
    const find: Command = { kind: 'find-client', clientId: idOf(3) };
    const [registered, found] = await failing(store, coordinator, [register(3), find]);
    expect(registered).toEqual(REFUSED);
    expect(found).toEqual({ kind: 'refused', refusal: 'client-unknown' });
  });

  it('shows no unstored data in any reply, and keeps all that was acknowledged (E5, E6)', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(40), async (commands, cut) => {
        const store = new GatedStore();
        const { coordinator, table, full, broken } = over(store);
        const [before, batch] = [commands.slice(0, cut), commands.slice(cut)];
        const plain = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
        const changed = before.flatMap((command) => plain.apply(command, 0).changes).length > 0;
        const setup = coordinator.ask(before);
        if (changed) (await store.nextCommit()).pass();
        await setup;

        // Undo everything: a change in memory may depend on one that the batch has to store.
        const outcomes = batch.map((command) => plain.apply(command, 0));
        const changes = outcomes.some((outcome) => outcome.changes.length > 0);
        for (const outcome of outcomes.toReversed()) outcome.undo();
        const asked = coordinator.ask(batch);
        if (changes) (await store.nextCommit()).fail();
        const replies = await asked;
        expect(full.length).toBe(changes ? 1 : 0);
        expect(broken).toEqual([]);
        // Expected: the commands that need the store are refused, the others stay applied.
        const expected = batch.map((command) => {
          const outcome = plain.apply(command, 0);
          if (!changes || outcome.changes.length === 0) return outcome.reply;
          outcome.undo();
          return REFUSED;
        });
        expect(replies).toEqual(expected);
        expect(observeTable(table)).toEqual(observeTable(plain));
      }),
      { numRuns: 100 },
    );
  });
});

describe('a sweep', () => {
  const LIMITS = { ...NO_LIMITS, ephemeralTtlMs: 100, idleRegistrationTtlMs: 1_000 };

  it('retries a full store, which recovers without any command (E5)', async () => {
    const { store, coordinator, full } = await prepared();
    coordinator.sweep();
    await coordinator.settled();
    expect(store.probes).toBe(0);
    const failed = coordinator.ask([register(3)]);
    (await store.nextCommit()).fail();
    await failed;
    store.trouble = 'full';
    for (let i = 1; i <= 3; i++) {
      coordinator.sweep();
      await coordinator.settled();
      expect(store.probes).toBe(i);
    }
    expect(full).toEqual(['the disk is full']);
    store.trouble = undefined;
    coordinator.sweep();
    await coordinator.settled();
    expect(full).toEqual(['the disk is full', undefined]);
    coordinator.sweep();
    await coordinator.settled();
    expect(store.probes).toBe(4);
  });

  it('removes expired entries from the table and the store (R4, T9)', async () => {
    const { store, coordinator, table, clock, expired } = await prepared(LIMITS);
    const created = coordinator.ask([create('e', 0xe0, 3, 1n), join(1, 'e')]);
    (await store.nextCommit()).pass();
    await created;
    expect(await ask(coordinator, { ...register(3), ephemeral: true } as Command)).toEqual({ kind: 'registered' });
    clock.now = 100;
    coordinator.sweep();
    const gate = await store.nextCommit();
    expect(gate.batch).toEqual([{ kind: 'cluster-removal', id: idOf(0xe0), name: 'e', seats: 1 }]);
    gate.pass();
    await coordinator.settled();
    expect(expired).toEqual([2]);
    expect(table.counts).toEqual({ clients: 2, clusters: 1, members: 1 });
    clock.now = 1_000;
    coordinator.sweep();
    (await store.nextCommit()).pass();
    await coordinator.settled();
    expect(expired).toEqual([2, 1]);
    const restarted = over(store);
    await restarted.coordinator.load();
    expect(observeTable(restarted.table)).toEqual(observeTable(table));
    expect(restarted.table.counts).toEqual({ clients: 1, clusters: 1, members: 1 });
  });

  it('keeps expired entries while their removal cannot be stored, and removes them later (E5)', async () => {
    const { store, coordinator, table, clock, expired, full } = await prepared(LIMITS);
    const before = observeTable(table, clock.now);
    clock.now = 1_000;
    coordinator.sweep();
    (await store.nextCommit()).fail();
    await coordinator.settled();
    expect([expired, full]).toEqual([[], ['the disk is full']]);
    expect(observeTable(table)).toEqual(before);
    coordinator.sweep();
    (await store.nextCommit()).pass();
    await coordinator.settled();
    expect([expired, full]).toEqual([[1], ['the disk is full', undefined]]);
    expect(table.counts.clients).toBe(1);
  });

  it('waits for the commit in progress, and commands wait for the sweep (E6)', async () => {
    const { store, coordinator, clock } = await prepared(LIMITS);
    clock.now = 1_000;
    const registered = coordinator.ask([register(3)]);
    const gate = await store.nextCommit();
    coordinator.sweep();
    const found = coordinator.ask([{ kind: 'find-client', clientId: idOf(1) }]);
    gate.pass();
    await registered;
    const removal = await store.nextCommit();
    expect(removal.batch).toEqual([{ kind: 'client-removal', clientId: idOf(1) }]);
    removal.pass();
    expect(await found).toEqual([{ kind: 'refused', refusal: 'client-unknown' }]);
    expect(store.most).toBe(1);
  });
});

describe('a store that is broken', () => {
  const NEEDS_STORE = [register(3), register(1, 'renamed'), create('d', 0xd0), join(1, 'c')];

  it.each(['break', 'passAndBreak'] as const)(
    'is reported once, and nothing that needs it is acknowledged any more (%s) (E6)',
    async (how) => {
      const { store, coordinator, table, full, broken } = await prepared();
      const before = observeTable(table);
      const failed = coordinator.ask([join(1, 'c'), create('d', 0xd0), register(3), getCluster('c')]);
      (await store.nextCommit())[how]();
      const replies = await failed;
      expect(replies.slice(0, 3)).toEqual([REFUSED, REFUSED, REFUSED]);
      expect(whichOf(replies[3]!)).toBe(1n);
      expect(observeTable(table)).toEqual(before);
      for (const command of NEEDS_STORE) expect(await ask(coordinator, command)).toEqual(REFUSED);
      expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(1n);
      expect(broken).toEqual([new Error('the disk is gone')]);
      expect(full).toEqual([]);
    },
  );

  it('may have stored a batch all the same, which a restart finds without harm (E6)', async () => {
    const { store, coordinator } = await prepared();
    const failed = coordinator.ask([join(1, 'c'), create('d', 0xd0), register(3)]);
    (await store.nextCommit()).passAndBreak();
    expect(await failed).toEqual([REFUSED, REFUSED, REFUSED]);

    const restarted = over(store);
    await restarted.coordinator.load();
    expect(whichOf(await ask(restarted.coordinator, getCluster('c')))).toBe(3n);
    expect(clusterIdOf(await ask(restarted.coordinator, create('d', 0xd1)))).toBe(idOf(0xd0));
    const refused = { kind: 'refused', refusal: 'id-in-use' };
    expect(await ask(restarted.coordinator, register(3, 'other', 'bb'.repeat(32)))).toEqual(refused);
    const joined = restarted.coordinator.ask([register(4), join(4, 'c')]);
    (await store.nextCommit()).pass();
    expect((await joined).map(({ kind }) => kind)).toEqual(['registered', 'cluster']);
    expect(whichOf(await ask(restarted.coordinator, getCluster('c')))).toBe(7n);
  });

  it('is reported by a probe, too, and expires nothing (E6)', async () => {
    const { store, coordinator, table, clock, broken, expired } = await prepared({
      ...NO_LIMITS,
      idleRegistrationTtlMs: 1_000,
    });
    const failed = coordinator.ask([register(3)]);
    (await store.nextCommit()).fail();
    await failed;
    store.trouble = 'broken';
    clock.now = 2_000;
    const before = table.counts;
    for (let i = 0; i < 3; i++) {
      coordinator.sweep();
      await coordinator.settled();
    }
    store.trouble = undefined;
    coordinator.sweep();
    await coordinator.settled();
    for (const command of NEEDS_STORE) expect(await ask(coordinator, command)).toEqual(REFUSED);
    expect(broken).toEqual([new Error('the disk is gone')]);
    expect(expired).toEqual([]);
    expect(table.counts).toEqual(before);
  });
});
