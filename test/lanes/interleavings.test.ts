// What one thread sees of another that stands in the middle of a step: queues, bells, flags and slots, each between two
// threads of which one is stopped at the worst place; and each with threads that run as fast as they can.
import { describe, expect, it } from 'vitest';
import { Bell } from '../../src/lanes/bell.ts';
import { Flag } from '../../src/lanes/flag.ts';
import { Lane, newLaneMemory } from '../../src/lanes/lane.ts';
import { SlotQueue } from '../../src/lanes/slot-queue.ts';
import { SLOTS_PER_WORKER } from '../../src/limits.ts';
import { PausedThread } from '../support/paused-thread.ts';

/** Longer than a test may take: who sleeps for so long has slept through a ring. */
const FOR_EVER_MS = 600_000;
const WORD_BYTES = 4;

describe('a slot queue', () => {
  const SLOTS = 4;
  const QUEUE_BYTES = SlotQueue.bytes(SLOTS);
  const newMemory = () => new SharedArrayBuffer(QUEUE_BYTES + SLOTS * WORD_BYTES);

  it('gives no number before its writer has published it, and with it what the slot holds', async () => {
    const memory = newMemory();
    const queue = new SlotQueue(memory, 0, SLOTS);
    const slots = new Int32Array(memory, QUEUE_BYTES);
    const writer = new PausedThread(
      { 'lanes/slot-queue': 'SlotQueue' },
      `const { memory, at, slots } = data;
       new Int32Array(memory, at)[3] = 4711;
       pauseAt('store', 'before');
       new SlotQueue(memory, 0, slots).put(3);`,
      { memory, at: QUEUE_BYTES, slots: SLOTS },
    );
    // The number stands in its cell already.
    await writer.paused();
    expect([queue.length, queue.take()]).toEqual([0, undefined]);
    writer.goOn();
    await writer.ended;
    expect([queue.length, queue.take(), slots[3]]).toEqual([1, 3, 4711]);
  });

  it('keeps the cell of a number until its reader has taken it', async () => {
    const memory = newMemory();
    const queue = new SlotQueue(memory, 0, SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) queue.put(slot);
    const reader = new PausedThread(
      { 'lanes/slot-queue': 'SlotQueue' },
      `const queue = new SlotQueue(data.memory, 0, data.slots);
       pauseAt('store', 'before');
       const taken = [queue.take()];
       for (let slot = queue.take(); slot !== undefined; slot = queue.take()) taken.push(slot);
       new Int32Array(data.memory, data.at).set(taken);`,
      { memory, at: QUEUE_BYTES, slots: SLOTS },
    );
    await reader.paused();
    expect(queue.length).toBe(SLOTS);
    reader.goOn();
    await reader.ended;
    expect([...new Int32Array(memory, QUEUE_BYTES)]).toEqual([0, 1, 2, 3]);
    expect(queue.length).toBe(0);
  });
});

describe('a bell', () => {
  it('is heard by a listener that it overtakes between its look and its sleep', async () => {
    const memory = new SharedArrayBuffer(WORD_BYTES);
    const listener = new PausedThread(
      { 'lanes/bell': 'Bell' },
      `const bell = new Bell(data.memory);
       const { rings } = bell;
       pauseAt('wait', 'before');
       bell.wait(rings, ${FOR_EVER_MS});`,
      { memory },
    );
    await listener.paused();
    new Bell(memory).ring();
    listener.goOn();
    await listener.ended;
  });

  it('is heard by a listener that comes between its count and its notify, and by one that slept before', async () => {
    const memory = new SharedArrayBuffer(WORD_BYTES);
    const bell = new Bell(memory);
    const { rings } = bell;
    const sleeper = bell.heard(rings);
    const ringer = new PausedThread(
      { 'lanes/bell': 'Bell' },
      `pauseAt('notify', 'before');
       new Bell(data.memory).ring();`,
      { memory },
    );
    await ringer.paused();
    bell.wait(rings, FOR_EVER_MS);
    ringer.goOn();
    await ringer.ended;
    await sleeper;
  });

  it('wakes its listener for whatever several ringers have left, as fast as they can', async () => {
    const [ringers, rounds] = [3, 5_000];
    const memory = new SharedArrayBuffer((1 + ringers) * WORD_BYTES);
    const words = new Int32Array(memory);
    const bell = new Bell(memory);
    const threads = Array.from(
      { length: ringers },
      (_, place) =>
        new PausedThread(
          { 'lanes/bell': 'Bell' },
          `const words = new Int32Array(data.memory);
           const bell = new Bell(data.memory);
           for (let round = 1; round <= ${rounds}; round++) {
             Atomics.store(words, 1 + data.place, round);
             bell.ring();
           }`,
          { memory, place },
        ),
    );
    for (;;) {
      const { rings } = bell;
      if (words.subarray(1).every((_, place) => Atomics.load(words, 1 + place) === rounds)) break;
      await bell.heard(rings);
    }
    await Promise.all(threads.map(({ ended }) => ended));
    expect(bell.rings).toBe(ringers * rounds);
  });
});

describe('a flag', () => {
  it('raised while it is being taken down stands for the next look', async () => {
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    new Flag(memory).raise();
    const listener = new PausedThread(
      { 'lanes/flag': 'Flag' },
      `const flag = new Flag(data.memory);
       pauseAt('exchange', 'after');
       const seen = [flag.take(), flag.take(), flag.take()];
       new Int32Array(data.memory)[1] = seen.reduce((bits, taken) => 2 * bits + (taken ? 1 : 0), 0);`,
      { memory },
    );
    await listener.paused();
    new Flag(memory).raise();
    listener.goOn();
    await listener.ended;
    expect(new Int32Array(memory)[1]).toBe(0b110);
  });

  it('raised behind the last look of a thread that goes to sleep wakes it, if its bell is rung after it', async () => {
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    const bellMemory = new SharedArrayBuffer(WORD_BYTES);
    const listener = new PausedThread(
      { 'lanes/bell': 'Bell', 'lanes/flag': 'Flag' },
      `const [bell, flag] = [new Bell(data.bellMemory), new Flag(data.memory)];
       pauseAt('exchange', 'after');
       for (;;) {
         const { rings } = bell;
         if (flag.take()) break;
         bell.wait(rings, ${FOR_EVER_MS});
       }`,
      { memory, bellMemory },
    );
    await listener.paused();
    new Flag(memory).raise();
    new Bell(bellMemory).ring();
    listener.goOn();
    await listener.ended;
  });

  it('shows what was written before it was raised, as fast as it can be raised', async () => {
    const rounds = 20_000;
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    const words = new Int32Array(memory);
    const flag = new Flag(memory);
    const raiser = new PausedThread(
      { 'lanes/flag': 'Flag' },
      `const flag = new Flag(data.memory);
       const words = new Int32Array(data.memory);
       for (let round = 1; round <= ${rounds}; round++) {
         words[1] = round;
         flag.raise();
       }`,
      { memory },
    );
    let last = 0;
    while (last < rounds) {
      if (flag.take()) {
        expect(words[1]).toBeGreaterThanOrEqual(last);
        last = words[1]!;
      } else await new Promise((resolve) => setImmediate(resolve));
    }
    await raiser.ended;
  });
});

describe('a slot of a lane', () => {
  it("is the main thread's again, whole, only when its number is on the queue of results", async () => {
    const memory = newLaneMemory(16_384);
    const lane = new Lane(memory);
    lane.jobs[5]!.fill(1);
    lane.messages.put(5);
    const worker = new PausedThread(
      { 'lanes/lane': 'Lane' },
      `const lane = new Lane(data.memory);
       const slot = lane.messages.take();
       lane.talks[slot].fill(lane.jobs[slot][0] + 1);
       pauseAt('store', 'before');
       lane.results.put(slot);`,
      { memory },
    );
    await worker.paused();
    expect(lane.results.take()).toBeUndefined();
    worker.goOn();
    await worker.ended;
    expect(lane.results.take()).toBe(5);
    expect(lane.talks[5]!.every((byte) => byte === 2)).toBe(true);
  });

  it('goes round between three threads, each of which finds what the one before has written', async () => {
    const rounds = 5_000;
    const memory = newLaneMemory(512);
    const lane = new Lane(memory);
    const [mainMemory, coordinatorBell] = [new SharedArrayBuffer(WORD_BYTES), new SharedArrayBuffer(WORD_BYTES)];
    const mainBell = new Bell(mainMemory);
    const imports = { 'lanes/lane': 'Lane', 'lanes/bell': 'Bell' };
    const steps = `
       const lane = new Lane(data.memory);
       const [mainBell, coordinatorBell] = [new Bell(data.mainMemory), new Bell(data.coordinatorBell)];
       const BYTES = 300;
       /** Throws unless all bytes of a part are the same; returns which. */
       const read = (part) => {
         for (let at = 1; at < BYTES; at++) if (part[at] !== part[0]) throw new Error('torn at ' + at);
         return part[0];
       };
       const write = (part, byte) => part.fill(byte & 255, 0, BYTES);`;
    const data = { memory, mainMemory, coordinatorBell };
    const threads = [
      new PausedThread(
        imports,
        `${steps}
         for (let done = 0; done < ${rounds}; ) {
           const { rings } = lane.bell;
           let busy = false;
           for (let slot = lane.messages.take(); slot !== undefined; slot = lane.messages.take()) {
             write(lane.talks[slot], read(lane.jobs[slot]) + 1);
             lane.questions.put(slot);
             coordinatorBell.ring();
             busy = true;
           }
           for (let slot = lane.answers.take(); slot !== undefined; slot = lane.answers.take()) {
             if (read(lane.talks[slot]) !== ((read(lane.jobs[slot]) + 2) & 255)) throw new Error('another answer');
             write(lane.talks[slot], read(lane.talks[slot]) + 1);
             lane.results.put(slot);
             mainBell.ring();
             done += 1;
             busy = true;
           }
           if (!busy) lane.bell.wait(rings, ${FOR_EVER_MS});
         }`,
        data,
      ),
      new PausedThread(
        imports,
        `${steps}
         for (let done = 0; done < ${rounds}; ) {
           const { rings } = coordinatorBell;
           const slot = lane.questions.take();
           if (slot === undefined) { coordinatorBell.wait(rings, ${FOR_EVER_MS}); continue; }
           write(lane.talks[slot], read(lane.talks[slot]) + 1);
           lane.answers.put(slot);
           lane.bell.ring();
           done += 1;
         }`,
        data,
      ),
    ];
    const failed = Promise.all(threads.map(({ ended }) => ended));
    const free = Array.from({ length: SLOTS_PER_WORKER }, (_, slot) => slot);
    const expected = new Map<number, number>();
    let [sent, received] = [0, 0];
    while (received < rounds) {
      const { rings } = mainBell;
      while (sent < rounds && free.length > sent % 5) {
        const slot = free.pop()!;
        lane.jobs[slot]!.fill(sent & 255, 0, 300);
        expected.set(slot, (sent + 3) & 255);
        lane.messages.put(slot);
        lane.bell.ring();
        sent += 1;
      }
      let taken = 0;
      for (let slot = lane.results.take(); slot !== undefined; slot = lane.results.take()) {
        const part = lane.talks[slot]!.subarray(0, 300);
        const byte = expected.get(slot)!;
        if (part.some((other) => other !== byte)) expect.unreachable(`slot ${slot} is torn`);
        free.push(slot);
        taken += 1;
      }
      received += taken;
      if (taken === 0 && received < rounds) await Promise.race([mainBell.heard(rings), failed]);
    }
    await failed;
  });
});
