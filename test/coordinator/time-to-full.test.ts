// The time that clusters take to fill: counted once, when the last seat is stored, if the creation was seen.

import { expect, it } from 'vitest';
import type { Command } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { ask, create, join, over, REFUSED, register } from './asking.ts';
import { GatedStore } from './gated-store.ts';

it('counts from the creation to the Join of the last seat, once', async () => {
  const { coordinator, clock, filled, table } = over(new MemoryStore());
  await coordinator.ask([register(1), register(2), register(3), create('c', 0xc0, 2)]);
  clock.now = 1_500;
  await ask(coordinator, join(1, 'c'));
  expect(filled).toEqual([]);
  expect(table.fill).toEqual({ fullClusters: 0, seats: 2 });
  clock.now = 4_000;
  await ask(coordinator, join(2, 'c'));
  expect(filled).toEqual([4]);
  expect(table.fill).toEqual({ fullClusters: 1, seats: 2 });

  // A repeated Join, a new token, and a Join without a free seat fill nothing.
  clock.now = 9_000;
  const renewed = { ...register(2), token: Uint8Array.of(9) } as Command;
  await coordinator.ask([join(1, 'c'), renewed, join(2, 'c'), join(3, 'c'), create('c', 0xc1, 2)]);
  expect(filled).toEqual([4]);
});

it('does not count an unstored seat', async () => {
  const store = new GatedStore();
  const { coordinator, clock, filled, table } = over(store);
  const before = coordinator.ask([register(1), register(2), create('c', 0xc0, 2), join(1, 'c')]);
  (await store.nextCommit()).pass();
  await before;
  const refused = ask(coordinator, join(2, 'c'));
  (await store.nextCommit()).fail();
  expect(await refused).toEqual(REFUSED);
  expect(filled).toEqual([]);
  expect(table.fill).toEqual({ fullClusters: 0, seats: 2 });
  clock.now = 2_000;
  const taken = ask(coordinator, join(2, 'c'));
  (await store.nextCommit()).pass();
  await taken;
  expect(filled).toEqual([2]);
});

it('does not count a cluster that was loaded at the start', async () => {
  const store = new MemoryStore();
  await over(store).coordinator.ask([register(1), register(2), create('c', 0xc0, 2), join(1, 'c')]);
  const { coordinator, filled, table } = over(store);
  await coordinator.load();
  await ask(coordinator, join(2, 'c'));
  expect(filled).toEqual([]);
  expect(table.fill).toEqual({ fullClusters: 1, seats: 2 });
});
