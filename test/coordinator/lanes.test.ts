// The coordinator's end of the lanes: the bound of a batch, turns between looks, and what closing leaves undone.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { answerOperator } from '../../src/coordinator/operator-questions.ts';
import { packCommand, unpackReply } from '../../src/coordinator/packed-command.ts';
import { serveLanes } from '../../src/coordinator/serve-lanes.ts';
import { Bell } from '../../src/lanes/bell.ts';
import { Flag } from '../../src/lanes/flag.ts';
import { Lane, newLaneMemory } from '../../src/lanes/lane.ts';
import { BATCH_COMMANDS_MAX, SLOTS_PER_WORKER } from '../../src/limits.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { getCluster, over, REFUSED, register } from './asking.ts';
import { GatedStore } from './gated-store.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A coordinator in this thread, with so many lanes. */
function withLanes(count: number, store: Store = new MemoryStore(), blocking = false) {
  const lanes = Array.from({ length: count }, () => new Lane(newLaneMemory(512)));
  const bell = new Bell(new SharedArrayBuffer(4));
  const world = over(store);
  closing.push(() => world.coordinator.close());
  const serve = () => {
    const ordered = new Flag(new SharedArrayBuffer(4));
    return serveLanes(world.coordinator, bell, ordered, new Map(lanes.entries()), { blocking, gathering: false });
  };
  return { ...world, lanes, bell, serve };
}

function put(lane: Lane, slot: number, command: Command): void {
  packCommand(command, lane.talks[slot]!);
  lane.questions.put(slot);
}

/** The replies that have come to a lane, in their order. */
function takeReplies(lane: Lane): Reply[] {
  const replies: Reply[] = [];
  for (let slot = lane.answers.take(); slot !== undefined; slot = lane.answers.take()) {
    replies.push(unpackReply(lane.talks[slot]!));
  }
  return replies;
}

/** Turns of the event loop until it is so; throws after a thousand. */
async function turnsUntil(holds: () => boolean): Promise<number> {
  for (let turns = 0; turns < 1_000; turns++) {
    if (holds()) return turns;
    await turn();
  }
  throw new Error('a thousand turns were not enough');
}

it('keeps the bound of a batch with however many workers, and serves lanes beyond it first in the next one', async () => {
  const workers = Math.ceil(BATCH_COMMANDS_MAX / SLOTS_PER_WORKER) + 3;
  const store = new GatedStore();
  const { lanes, serve, batches } = withLanes(workers, store);
  for (const [at, lane] of lanes.entries()) {
    for (let slot = 0; slot < SLOTS_PER_WORKER; slot++) {
      const client = register(1);
      put(lane, slot, { ...client, clientId: idOf(at).slice(4) + slot.toString(16).padStart(4, '0') } as Command);
    }
  }
  void serve();
  (await store.nextCommit()).pass();
  await turnsUntil(() => batches.length === 1);
  const served = lanes.filter((lane) => lane.answers.length > 0);
  // Every lane that has been served asks again, and still those that have not come first.
  for (const lane of served)
    for (let slot = lane.answers.take(); slot !== undefined; slot = lane.answers.take()) {
      put(lane, slot, { kind: 'find-client', clientId: REGISTRY_ID });
    }
  (await store.nextCommit()).pass();
  await turnsUntil(() => lanes.every((lane) => lane.answers.length > 0 || served.includes(lane)));
  await turnsUntil(() => batches.reduce((sum, commands) => sum + commands, 0) >= workers * SLOTS_PER_WORKER);
  expect(Math.max(...batches)).toBe(BATCH_COMMANDS_MAX);
  expect(served.length).toBe(BATCH_COMMANDS_MAX / SLOTS_PER_WORKER);
});

it.each([false, true])('answers a lane between two looks of a listing (blocking: %s)', async (blocking) => {
  const { coordinator, table, lanes, bell, serve } = withLanes(1, new MemoryStore(), blocking);
  for (let i = 0; i < 100_000; i++) {
    const id = i.toString(16).padStart(64, '0');
    table.absorb({ kind: 'cluster', name: `cluster-${i}`, id, size: 2, endPointCount: 1, attrs: 0n });
  }
  void serve();
  const [lane] = lanes as [Lane];
  // Each look asks one question, as a worker might at that moment.
  let [looks, answered, waited] = [0, 0, 0];
  const { scanClusters } = table;
  table.scanClusters = (query) => {
    const scan = scanClusters.call(table, query);
    const { next } = scan;
    scan.next = (count) => {
      answered += takeReplies(lane).length;
      waited = Math.max(waited, looks - answered);
      put(lane, looks++ % SLOTS_PER_WORKER, getCluster('cluster-1'));
      if (!blocking) bell.ring();
      return next.call(scan, count);
    };
    return scan;
  };
  const asleep = vi.spyOn(bell, 'wait');
  const query = { prefix: '', fill: undefined, after: '', limit: 10 };
  expect(await answerOperator(coordinator, { kind: 'clusters', query })).toMatchObject({ more: true });
  expect(looks).toBe(21);
  // A question may be asked in the turn in which the lanes have just been looked at.
  expect(waited).toBeLessThanOrEqual(2);
  // Nothing rings while the table is looked through: a thread asleep on its bell would hold each look up by 10 ms.
  expect(asleep).not.toHaveBeenCalled();
});

it('looks of many operators are one in a turn of the event loop', async () => {
  const { coordinator } = withLanes(0);
  let turns = 0;
  const counting = (async () => {
    for (let left = 100; left > 0; left--) {
      await turn();
      turns += 1;
    }
  })();
  const at = await Promise.all(Array.from({ length: 10 }, () => coordinator.look(() => turns)));
  expect(new Set(at).size).toBe(10);
  await counting;
});

it('E6: closing refuses what comes, stores what is under way, and closes the store last', async () => {
  const store = new GatedStore();
  let [committing, closed] = [0, false];
  const { commit } = store;
  store.commit = async (batch) => {
    if (closed) throw new Error('the store is closed');
    committing += 1;
    const outcomes = await commit.call(store, batch);
    committing -= 1;
    return outcomes;
  };
  let finishClose = () => {};
  store.close = () => {
    expect(committing).toBe(0);
    closed = true;
    return new Promise((resolve) => {
      finishClose = resolve;
    });
  };
  const { coordinator, broken, lanes, bell, serve } = withLanes(1, store);
  void serve();
  const first = coordinator.ask([register(1)]);
  const gate = await store.nextCommit();
  const second = coordinator.ask([register(2)]);
  const closing = coordinator.close();
  expect(await coordinator.ask([register(3)])).toEqual([REFUSED]);
  await expect(coordinator.look(() => true)).rejects.toThrow('closing');
  put(lanes[0]!, 0, register(4));
  bell.ring();
  gate.pass();
  (await store.nextCommit()).pass();
  expect([await first, await second].flat()).toEqual([{ kind: 'registered' }, { kind: 'registered' }]);
  await turnsUntil(() => closed);
  // The store is closing: whatever is left in a lane, or is due, must not reach it.
  put(lanes[0]!, 1, register(5));
  bell.ring();
  coordinator.sweep();
  expect(await coordinator.ask([register(6)])).toEqual([REFUSED]);
  for (let turns = 0; turns < 20; turns++) await turn();
  finishClose();
  await closing;
  expect(broken).toEqual([]);
});
