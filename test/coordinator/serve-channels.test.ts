// The coordinator's end of the worker channels: the bound of a batch, turns between steps of a listing, and the
// shutdown.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { readReply, writeCommand } from '../../src/coordinator/command-codec.ts';
import { encodeMark, MarkCollector, markIn, passMark } from '../../src/coordinator/marks.ts';
import { answerQuery } from '../../src/coordinator/operator-queries.ts';
import { serveChannels } from '../../src/coordinator/serve-channels.ts';
import { BATCH_COMMANDS_MAX, SLOTS_PER_WORKER, WORKERS_MAX } from '../../src/limits.ts';
import type { Command, Reply } from '../../src/registry/command.ts';
import { AtomicFlag } from '../../src/shared-memory/atomic-flag.ts';
import { Parker } from '../../src/shared-memory/parker.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import type { Store } from '../../src/store/store.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';
import { getCluster, over, REFUSED, register } from './asking.ts';
import { GatedStore } from './gated-store.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A coordinator in this thread with this many channels. */
function withChannels(count: number, store: Store = new MemoryStore(), blocking = false) {
  const channels = Array.from({ length: count }, () => new WorkerChannel(newChannelMemory(512)));
  const parker = new Parker(new SharedArrayBuffer(4));
  const world = over(store);
  closing.push(() => world.coordinator.close());
  const serve = () => {
    const ordered = new AtomicFlag(new SharedArrayBuffer(4));
    return serveChannels(
      world.coordinator,
      parker,
      ordered,
      new Map(channels.entries()),
      {
        blocking,
        gathering: false,
      },
      new MarkCollector(world.coordinator, () => performance.now()),
    );
  };
  return { ...world, channels, parker, serve };
}

function put(channel: WorkerChannel, slot: number, command: Command): void {
  writeCommand(command, channel.responses[slot]!);
  channel.questions.push(slot);
}

/** The replies in a channel so far, in order. */
function takeReplies(channel: WorkerChannel): Reply[] {
  const replies: Reply[] = [];
  for (let slot = channel.answers.pop(); slot !== undefined; slot = channel.answers.pop()) {
    replies.push(readReply(channel.responses[slot]!));
  }
  return replies;
}

/** Waits turns of the event loop for a condition; throws after a thousand. */
async function turnsUntil(holds: () => boolean): Promise<number> {
  for (let turns = 0; turns < 1_000; turns++) {
    if (holds()) return turns;
    await turn();
  }
  throw new Error('the condition does not hold after a thousand turns');
}

it('bounds a batch however many workers there are, and begins the next with unserved channels', async () => {
  const workers = Math.ceil(BATCH_COMMANDS_MAX / SLOTS_PER_WORKER) + 3;
  const store = new GatedStore();
  const { channels, serve, batches } = withChannels(workers, store);
  for (const [at, channel] of channels.entries()) {
    for (let slot = 0; slot < SLOTS_PER_WORKER; slot++) {
      const client = register(1);
      put(channel, slot, { ...client, clientId: idOf(at).slice(4) + slot.toString(16).padStart(4, '0') } as Command);
    }
  }
  void serve();
  (await store.nextCommit()).pass();
  await turnsUntil(() => batches.length === 1);
  const served = channels.filter((channel) => channel.answers.length > 0);
  // Every served channel asks again, and unserved channels still come first.
  for (const channel of served)
    for (let slot = channel.answers.pop(); slot !== undefined; slot = channel.answers.pop()) {
      put(channel, slot, { kind: 'find-client', clientId: REGISTRY_ID });
    }
  (await store.nextCommit()).pass();
  await turnsUntil(() => channels.every((channel) => channel.answers.length > 0 || served.includes(channel)));
  await turnsUntil(() => batches.reduce((sum, commands) => sum + commands, 0) >= workers * SLOTS_PER_WORKER);
  expect(Math.max(...batches)).toBe(BATCH_COMMANDS_MAX);
  expect(served.length).toBe(BATCH_COMMANDS_MAX / SLOTS_PER_WORKER);
});

it('carries a mark through a slot with any number of workers (Q7)', () => {
  for (const workers of [1, 255, WORKERS_MAX]) {
    const sent = { number: 2 ** 32 - 1, workers, sentAt: 1.5 };
    const slot = Buffer.alloc(64);
    passMark(encodeMark(sent), slot);
    expect(markIn(slot)).toEqual(sent);
  }
});

it('counts a mark when every worker has passed it on and the commands before it are stored (Q7)', async () => {
  const store = new GatedStore();
  const { channels, serve, coordinator, parker } = withChannels(2, store);
  const marked: number[] = [];
  coordinator.marked = ({ number }) => void marked.push(number);
  const [one, other] = channels as [WorkerChannel, WorkerChannel];
  const mark = (channel: WorkerChannel, slot: number, number: number) => {
    passMark(encodeMark({ number, workers: 2, sentAt: 0 }), channel.responses[slot]!);
    channel.questions.push(slot);
  };
  put(one, 0, register(1));
  mark(one, 1, 1);
  mark(other, 0, 1);
  void serve();
  const commit = await store.nextCommit();
  for (let turns = 0; turns < 10; turns++) await turn();
  expect(marked).toEqual([]);
  commit.pass();
  await turnsUntil(() => one.answers.length === 2 && other.answers.length === 1);
  expect(marked).toEqual([1]);
  // The next mark is lost by one worker, and the one after is not.
  mark(one, 2, 2);
  mark(one, 3, 3);
  mark(other, 1, 3);
  parker.unpark();
  await turnsUntil(() => other.answers.length === 2);
  expect(marked).toEqual([1, 3]);
});

it('takes the earliest of the times at which front ends sent a mark (Q7)', () => {
  const marked: { number: number; sentAt: number }[] = [];
  const now = performance.now();
  const clock = () => now;
  const collector = new MarkCollector({ marked: ({ number, sentAt }) => void marked.push({ number, sentAt }) }, clock);
  const monotonic = Number(process.hrtime.bigint()) / 1e6;
  for (const [number, ages] of [
    [1, [10, 500, 20]],
    [2, [3, 2, 1]],
  ] as const) {
    for (const age of ages) collector.passed({ number, workers: 3, sentAt: monotonic - age });
  }
  expect(marked.map(({ number }) => number)).toEqual([1, 2]);
  // The collector reads the clock later than this test did.
  expect(now - marked[0]!.sentAt).toBeGreaterThanOrEqual(500);
  expect(marked[0]!.sentAt).toBeLessThan(marked[1]!.sentAt - 400);
});

it.each([false, true])('answers a channel between two steps of a listing (blocking: %s)', async (blocking) => {
  const { coordinator, table, channels, parker, serve } = withChannels(1, new MemoryStore(), blocking);
  for (let i = 0; i < 100_000; i++) {
    const id = i.toString(16).padStart(64, '0');
    table.replay({ kind: 'cluster', name: `cluster-${i}`, id, size: 2, endPointCount: 1, attrs: 0n });
  }
  void serve();
  const [channel] = channels as [WorkerChannel];
  // Each step asks one question, as a worker might at that moment.
  let [looks, answered, waited] = [0, 0, 0];
  const { scanClusters } = table;
  table.scanClusters = (query) => {
    const scan = scanClusters.call(table, query);
    const { next } = scan;
    scan.next = (count) => {
      answered += takeReplies(channel).length;
      waited = Math.max(waited, looks - answered);
      put(channel, looks++ % SLOTS_PER_WORKER, getCluster('cluster-1'));
      if (!blocking) parker.unpark();
      return next.call(scan, count);
    };
    return scan;
  };
  const asleep = vi.spyOn(parker, 'park');
  const query = { prefix: '', fill: undefined, after: '', limit: 10 };
  expect(await answerQuery(coordinator, { kind: 'clusters', query })).toMatchObject({ more: true });
  expect(looks).toBe(21);
  // A question may come in the turn that has just examined the channels.
  expect(waited).toBeLessThanOrEqual(2);
  // No unpark comes during the listing: a parked thread would delay each step by 10 ms.
  expect(asleep).not.toHaveBeenCalled();
});

it('shares one step a turn of the event loop among all listings', async () => {
  const { coordinator } = withChannels(0);
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

it('refuses new questions at the close, stores pending ones, and closes the store last (E6)', async () => {
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
  const { coordinator, broken, channels, parker, serve } = withChannels(1, store);
  void serve();
  const first = coordinator.ask([register(1)]);
  const gate = await store.nextCommit();
  const second = coordinator.ask([register(2)]);
  const closing = coordinator.close();
  expect(await coordinator.ask([register(3)])).toEqual([REFUSED]);
  await expect(coordinator.look(() => true)).rejects.toThrow('closing');
  put(channels[0]!, 0, register(4));
  parker.unpark();
  gate.pass();
  (await store.nextCommit()).pass();
  expect([await first, await second].flat()).toEqual([{ kind: 'registered' }, { kind: 'registered' }]);
  await turnsUntil(() => closed);
  // The store is closing: no question of a channel and no due sweep may reach it.
  put(channels[0]!, 1, register(5));
  parker.unpark();
  coordinator.sweep();
  expect(await coordinator.ask([register(6)])).toEqual([REFUSED]);
  for (let turns = 0; turns < 20; turns++) await turn();
  finishClose();
  await closing;
  expect(broken).toEqual([]);
});
