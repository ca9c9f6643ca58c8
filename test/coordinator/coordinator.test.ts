// The coordinator: the order of replies, one commit at a time, and no reply before its commit (T12, R4, R6).

import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { history, idOf, NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { observeSlowly, observeTable } from '../registry/observe.ts';
import { applySlowly, restartSlowly, slowTable } from '../registry/slow-table.ts';
import { ask, create, getCluster, join, over, REFUSED, recordsOf, register, whichOf } from './asking.ts';
import { GatedStore } from './gated-store.ts';

/** Tells whether a promise has already settled; does not wait for it. */
function watch<T>(promise: Promise<T>) {
  const seen = { settled: false };
  promise.then(
    () => {
      seen.settled = true;
    },
    () => {
      seen.settled = true;
    },
  );
  return seen;
}

describe('replies', () => {
  it('come in the order of the commands, and equal those of a table that applied them one by one (F7)', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(history, cuts, fc.boolean(), async (commands, cuts, atOnce) => {
        const { coordinator, table } = over(new MemoryStore());
        const requests: Command[][] = [];
        for (let at = 0, cut = 0; at < commands.length; at += cuts[cut++ % cuts.length]!) {
          requests.push(commands.slice(at, at + cuts[cut % cuts.length]!));
        }
        const replies: Reply[][] = [];
        if (atOnce) replies.push(...(await Promise.all(requests.map((request) => coordinator.ask(request)))));
        else for (const request of requests) replies.push(await coordinator.ask(request));

        const plain = new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
        expect(replies.flat()).toEqual(commands.map((command) => plain.apply(command, 0).reply));
        expect(observeTable(table)).toEqual(observeTable(plain));
      }),
      { numRuns: 50 },
    );
  });

  it('to an ephemeral client wait for no commit, and its seat is stored with it in one (T9)', async () => {
    const store = new GatedStore();
    const { coordinator } = over(store);
    const ephemeral = { ...register(1), ephemeral: true } as Command;
    expect(await ask(coordinator, ephemeral)).toEqual({ kind: 'registered' });
    expect(store.most).toBe(0);
    const joined = coordinator.ask([create('c', 0xc0), join(1, 'c')]);
    const gate = await store.nextCommit();
    expect(gate.batch.map(({ kind }) => kind)).toEqual(['cluster', 'client', 'member']);
    gate.pass();
    expect((await joined).map(({ kind }) => kind)).toEqual(['cluster', 'cluster']);
  });

  it('to no commands are none (F7)', async () => {
    const { coordinator } = over(new MemoryStore());
    expect(await coordinator.ask([])).toEqual([]);
  });

  it('that were acknowledged hold after a restart, except ephemeral clients without a seat (E6, T9)', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (commands) => {
        const store = new MemoryStore();
        const first = over(store);
        await first.coordinator.ask(commands);
        const second = over(store);
        await second.coordinator.load();
        const slow = commands.reduce(
          (table, command) => applySlowly(table, command, 0).table,
          slowTable(REGISTRY_ID, NO_LIMITS),
        );
        expect(observeTable(first.table)).toEqual(observeSlowly(slow));
        expect(observeTable(second.table)).toEqual(observeSlowly(restartSlowly(slow, 0)));
      }),
      { numRuns: 50 },
    );
  });
});

describe('commits', () => {
  it('run one at a time, and commands that come meanwhile form the next batch (E6)', async () => {
    const store = new GatedStore();
    const { coordinator, batches } = over(store);
    const first = coordinator.ask([register(1), register(2)]);
    const gate = await store.nextCommit();
    const later = [3, 4, 5].map((client) => coordinator.ask([register(client)]));
    await turn();
    expect(gate.batch.length).toBe(2);
    gate.pass();
    const next = await store.nextCommit();
    expect(next.batch.map((change) => change.kind === 'client' && change.clientId)).toEqual([3, 4, 5].map(idOf));
    next.pass();
    await Promise.all([first, ...later]);
    expect(store.most).toBe(1);
    expect(batches).toEqual([2, 3]);
  });

  it('take all commands of one turn of the event loop (E6)', async () => {
    const store = new GatedStore();
    const { coordinator } = over(store);
    const replies = Promise.all([1, 2, 3, 4].map((client) => coordinator.ask([register(client)])));
    const gate = await store.nextCommit();
    expect(gate.batch.length).toBe(4);
    gate.pass();
    expect(await replies).toEqual(new Array(4).fill([{ kind: 'registered' }]));
  });

  it('precede every reply that depends on them (T12, R4, R6)', async () => {
    const store = new GatedStore();
    const { coordinator } = over(store);
    for (const command of [register(1), create('c', 0xc0), join(1, 'c')]) {
      const reply = coordinator.ask([command]);
      const seen = watch(reply);
      const gate = await store.nextCommit();
      for (let i = 0; i < 5; i++) await turn();
      expect(seen.settled).toBe(false);
      expect((await recordsOf(store)).length).toBe(['register', 'create', 'join'].indexOf(command.kind));
      gate.pass();
      expect((await reply)[0]!.kind).not.toBe('refused');
    }
  });

  it('are not awaited by commands that change nothing (E6)', async () => {
    const store = new GatedStore();
    const { coordinator } = over(store);
    expect(await ask(coordinator, getCluster('c'))).toEqual({ kind: 'refused', refusal: 'cluster-name-unknown' });
    expect(store.most).toBe(0);
  });

  it('hold back every GetCluster until the member it would show is stored (R6)', async () => {
    const store = new GatedStore();
    const { coordinator } = over(store);
    const setup = coordinator.ask([register(1), create('c', 0xc0)]);
    (await store.nextCommit()).pass();
    await setup;

    const joined = coordinator.ask([join(1, 'c')]);
    const gate = await store.nextCommit();
    const roster = coordinator.ask([getCluster('c')]);
    const seen = watch(roster);
    for (let i = 0; i < 5; i++) await turn();
    expect(seen.settled).toBe(false);
    gate.fail();
    expect(await joined).toEqual([REFUSED]);
    expect(whichOf((await roster)[0]!)).toBe(0n);
  });
});
