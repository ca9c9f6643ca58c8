// A store that fails: what would have to be stored is refused, all else works, and nothing is shown that is not stored (E5,
// E6).

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Coordinator } from '../../src/coordinator/coordinator.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command } from '../../src/registry/command.ts';
import { history, idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { observeTable } from '../registry/observe.ts';
import { ask, clusterIdOf, create, getCluster, join, over, REFUSED, register, whichOf } from './asking.ts';
import { GatedStore } from './gated-store.ts';

describe('a store in trouble', () => {
  /** A coordinator with client 1 registered, and the cluster c with client 2 in it. */
  async function prepared() {
    const store = new GatedStore();
    const parts = over(store);
    const setup = parts.coordinator.ask([register(1), register(2), create('c', 0xc0), join(2, 'c')]);
    (await store.nextCommit()).pass();
    await setup;
    return { store, ...parts };
  }

  /** Replies to a batch whose commit fails. */
  async function failing(store: GatedStore, coordinator: Coordinator, commands: readonly Command[]) {
    const replies = coordinator.ask(commands);
    (await store.nextCommit()).fail();
    return replies;
  }

  it('E5: what would have to be stored is refused, and the table is as it was', async () => {
    const { store, coordinator, table, troubles } = await prepared();
    const before = observeTable(table);
    for (const command of [register(3), register(1, 'renamed'), create('d', 0xd0), join(1, 'c')]) {
      expect(await failing(store, coordinator, [command])).toEqual([REFUSED]);
      expect(observeTable(table)).toEqual(before);
    }
    expect(troubles.length).toBe(4);
  });

  it('E5: what changes nothing goes on working', async () => {
    const { store, coordinator } = await prepared();
    await failing(store, coordinator, [register(3)]);
    expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(1n);
    expect(clusterIdOf(await ask(coordinator, create('c', 0xd0)))).toBe(idOf(0xc0));
    expect((await ask(coordinator, join(2, 'c'))).kind).toBe('cluster');
    expect((await ask(coordinator, { kind: 'find-client', clientId: idOf(1) })).kind).toBe('client');
  });

  it('E5: beside what is refused, what changes nothing is answered', async () => {
    const { store, coordinator } = await prepared();
    const replies = await failing(store, coordinator, [getCluster('c'), register(3), create('c', 0xd0), join(9, 'c')]);
    expect(replies.map(({ kind }) => kind)).toEqual(['roster', 'refused', 'cluster', 'refused']);
    expect(replies[1]).toEqual(REFUSED);
    expect(replies[3]).toEqual({ kind: 'refused', refusal: 'client-unknown' });
  });

  it('E5: it passes without a restart', async () => {
    const { store, coordinator } = await prepared();
    await failing(store, coordinator, [join(1, 'c')]);
    const again = coordinator.ask([join(1, 'c'), getCluster('c')]);
    (await store.nextCommit()).pass();
    expect((await again).map(whichOf)).toEqual([undefined, 3n]);
  });

  it('R4, E5: a second Create of a name is not told of a cluster that its batch failed to store', async () => {
    const { store, coordinator } = await prepared();
    const [first, second] = await failing(store, coordinator, [create('d', 0xd0), create('d', 0xd1)]);
    expect(first).toEqual(REFUSED);
    expect(second).toEqual(REFUSED);
  });

  it('R6, E5: a GetCluster does not show a member that its batch failed to store', async () => {
    const { store, coordinator } = await prepared();
    const [joined, roster] = await failing(store, coordinator, [join(1, 'c'), getCluster('c')]);
    expect(joined).toEqual(REFUSED);
    expect(whichOf(roster!)).toBe(1n);
  });

  it('T12, E5: a Client by ID does not find a registration that its batch failed to store', async () => {
    const { store, coordinator } = await prepared();
    const find: Command = { kind: 'find-client', clientId: idOf(3) };
    const [registered, found] = await failing(store, coordinator, [register(3), find]);
    expect(registered).toEqual(REFUSED);
    expect(found).toEqual({ kind: 'refused', refusal: 'client-unknown' });
  });

  it('E5, E6: whatever the batch, the table is as it was and no reply shows what is not stored', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(40), async (commands, cut) => {
        const store = new GatedStore();
        const { coordinator, table, troubles } = over(store);
        const [before, batch] = [commands.slice(0, cut), commands.slice(cut)];
        const plain = new ClusterTable(REGISTRY_ID);
        const changed = before.flatMap((command) => plain.apply(command).change ?? []).length > 0;
        const setup = coordinator.ask(before);
        if (changed) (await store.nextCommit()).pass();
        await setup;
        const seen = observeTable(table);

        const changes = batch.some((command) => {
          const outcome = plain.apply(command);
          outcome.undo();
          return outcome.change !== undefined;
        });
        const asked = coordinator.ask(batch);
        if (changes) (await store.nextCommit()).fail();
        const replies = await asked;
        expect(troubles.length).toBe(changes ? 1 : 0);
        expect(observeTable(table)).toEqual(seen);
        for (const [i, reply] of replies.entries()) {
          const alone = plain.apply(batch[i]!);
          alone.undo();
          if (reply.kind !== 'refused' || reply.refusal !== 'cannot-store') expect(reply).toEqual(alone.reply);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('E6: what a failed commit has stored all the same is met again later, and does no harm', async () => {
    const { store, coordinator } = await prepared();
    const failed = coordinator.ask([join(1, 'c'), create('d', 0xd0), register(3)]);
    (await store.nextCommit()).passAndFail();
    expect(await failed).toEqual([REFUSED, REFUSED, REFUSED]);

    const again = coordinator.ask([create('d', 0xd1), register(3, 'other', 'other key'), register(4)]);
    (await store.nextCommit()).pass();
    const replies = await again;
    expect(clusterIdOf(replies[0]!)).toBe(idOf(0xd0));
    expect(replies[1]).toEqual({ kind: 'refused', refusal: 'id-in-use' });

    const joined = coordinator.ask([join(4, 'c')]);
    (await store.nextCommit()).pass();
    (await store.nextCommit()).pass();
    expect((await joined)[0]!.kind).toBe('cluster');
    expect(whichOf(await ask(coordinator, getCluster('c')))).toBe(7n);
    const restarted = over(store);
    await restarted.coordinator.load();
    expect(whichOf(await ask(restarted.coordinator, getCluster('c')))).toBe(7n);
  });
});
