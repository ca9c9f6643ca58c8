// Interleavings of two threads over queues, parkers, atomic flags and slots: one thread is paused at the worst place.
// Each structure also runs with threads at full speed.
import { describe, expect, it } from 'vitest';
import { SLOTS_PER_WORKER } from '../../src/limits.ts';
import { AtomicFlag } from '../../src/shared-memory/atomic-flag.ts';
import { Parker } from '../../src/shared-memory/parker.ts';
import { SpscQueue } from '../../src/shared-memory/spsc-queue.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { PausedThread } from '../support/paused-thread.ts';

/** Longer than a test's timeout: a thread that parks for so long has missed its unpark. */
const FOR_EVER_MS = 600_000;
const WORD_BYTES = 4;

describe('an SPSC queue', () => {
  const SLOTS = 4;
  const QUEUE_BYTES = SpscQueue.bytes(SLOTS);
  const newMemory = () => new SharedArrayBuffer(QUEUE_BYTES + SLOTS * WORD_BYTES);

  it("gives no number before its producer has published it, and with it the slot's contents", async () => {
    const memory = newMemory();
    const queue = new SpscQueue(memory, 0, SLOTS);
    const slots = new Int32Array(memory, QUEUE_BYTES);
    const writer = new PausedThread(
      { 'shared-memory/spsc-queue': 'SpscQueue' },
      `const { memory, at, slots } = data;
       new Int32Array(memory, at)[3] = 4711;
       pauseAt('store', 'before');
       new SpscQueue(memory, 0, slots).push(3);`,
      { memory, at: QUEUE_BYTES, slots: SLOTS },
    );
    // The number is in its cell already.
    await writer.paused();
    expect([queue.length, queue.pop()]).toEqual([0, undefined]);
    writer.goOn();
    await writer.ended;
    expect([queue.length, queue.pop(), slots[3]]).toEqual([1, 3, 4711]);
  });

  it("keeps a number's cell until its consumer has taken it", async () => {
    const memory = newMemory();
    const queue = new SpscQueue(memory, 0, SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) queue.push(slot);
    const reader = new PausedThread(
      { 'shared-memory/spsc-queue': 'SpscQueue' },
      `const queue = new SpscQueue(data.memory, 0, data.slots);
       pauseAt('store', 'before');
       const taken = [queue.pop()];
       for (let slot = queue.pop(); slot !== undefined; slot = queue.pop()) taken.push(slot);
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

describe('a parker', () => {
  it('is not missed by a thread that it overtakes between its look and its park', async () => {
    const memory = new SharedArrayBuffer(WORD_BYTES);
    const listener = new PausedThread(
      { 'shared-memory/parker': 'Parker' },
      `const parker = new Parker(data.memory);
       const { epoch } = parker;
       pauseAt('wait', 'before');
       parker.park(epoch, ${FOR_EVER_MS});`,
      { memory },
    );
    await listener.paused();
    new Parker(memory).unpark();
    listener.goOn();
    await listener.ended;
  });

  it('is not missed between its count and its notify, nor by a thread parked before', async () => {
    const memory = new SharedArrayBuffer(WORD_BYTES);
    const parker = new Parker(memory);
    const { epoch } = parker;
    const sleeper = parker.parkAsync(epoch);
    const unparker = new PausedThread(
      { 'shared-memory/parker': 'Parker' },
      `pauseAt('notify', 'before');
       new Parker(data.memory).unpark();`,
      { memory },
    );
    await unparker.paused();
    parker.park(epoch, FOR_EVER_MS);
    unparker.goOn();
    await unparker.ended;
    await sleeper;
  });

  it('wakes its listener for every change of several threads at full speed', async () => {
    const [unparkers, rounds] = [3, 5_000];
    const memory = new SharedArrayBuffer((1 + unparkers) * WORD_BYTES);
    const words = new Int32Array(memory);
    const parker = new Parker(memory);
    const threads = Array.from(
      { length: unparkers },
      (_, place) =>
        new PausedThread(
          { 'shared-memory/parker': 'Parker' },
          `const words = new Int32Array(data.memory);
           const parker = new Parker(data.memory);
           for (let round = 1; round <= ${rounds}; round++) {
             Atomics.store(words, 1 + data.place, round);
             parker.unpark();
           }`,
          { memory, place },
        ),
    );
    for (;;) {
      const { epoch } = parker;
      if (words.subarray(1).every((_, place) => Atomics.load(words, 1 + place) === rounds)) break;
      await parker.parkAsync(epoch);
    }
    await Promise.all(threads.map(({ ended }) => ended));
    expect(parker.epoch).toBe(unparkers * rounds);
  });
});

describe('an atomic flag', () => {
  it('set while it is being cleared remains set for the next test', async () => {
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    new AtomicFlag(memory).set();
    const listener = new PausedThread(
      { 'shared-memory/atomic-flag': 'AtomicFlag' },
      `const flag = new AtomicFlag(data.memory);
       pauseAt('exchange', 'after');
       const seen = [flag.testAndClear(), flag.testAndClear(), flag.testAndClear()];
       new Int32Array(data.memory)[1] = seen.reduce((bits, taken) => 2 * bits + (taken ? 1 : 0), 0);`,
      { memory },
    );
    await listener.paused();
    new AtomicFlag(memory).set();
    listener.goOn();
    await listener.ended;
    expect(new Int32Array(memory)[1]).toBe(0b110);
  });

  it("set after a parking thread's last test wakes it, if an unpark follows", async () => {
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    const parkerMemory = new SharedArrayBuffer(WORD_BYTES);
    const listener = new PausedThread(
      { 'shared-memory/parker': 'Parker', 'shared-memory/atomic-flag': 'AtomicFlag' },
      `const [parker, flag] = [new Parker(data.parkerMemory), new AtomicFlag(data.memory)];
       pauseAt('exchange', 'after');
       for (;;) {
         const { epoch } = parker;
         if (flag.testAndClear()) break;
         parker.park(epoch, ${FOR_EVER_MS});
       }`,
      { memory, parkerMemory },
    );
    await listener.paused();
    new AtomicFlag(memory).set();
    new Parker(parkerMemory).unpark();
    listener.goOn();
    await listener.ended;
  });

  it('publishes what was written before it was set, at full speed', async () => {
    const rounds = 20_000;
    const memory = new SharedArrayBuffer(2 * WORD_BYTES);
    const words = new Int32Array(memory);
    const flag = new AtomicFlag(memory);
    const setter = new PausedThread(
      { 'shared-memory/atomic-flag': 'AtomicFlag' },
      `const flag = new AtomicFlag(data.memory);
       const words = new Int32Array(data.memory);
       for (let round = 1; round <= ${rounds}; round++) {
         words[1] = round;
         flag.set();
       }`,
      { memory },
    );
    let last = 0;
    while (last < rounds) {
      if (flag.testAndClear()) {
        expect(words[1]).toBeGreaterThanOrEqual(last);
        last = words[1]!;
      } else await new Promise((resolve) => setImmediate(resolve));
    }
    await setter.ended;
  });
});

describe('a slot of a channel', () => {
  it('returns to the main thread, whole, only when its number is in the queue of results', async () => {
    const memory = newChannelMemory(16_384);
    const channel = new WorkerChannel(memory);
    channel.jobs[5]!.fill(1);
    channel.messages.push(5);
    const worker = new PausedThread(
      { 'shared-memory/worker-channel': 'WorkerChannel' },
      `const channel = new WorkerChannel(data.memory);
       const slot = channel.messages.pop();
       channel.responses[slot].fill(channel.jobs[slot][0] + 1);
       pauseAt('store', 'before');
       channel.results.push(slot);`,
      { memory },
    );
    await worker.paused();
    expect(channel.results.pop()).toBeUndefined();
    worker.goOn();
    await worker.ended;
    expect(channel.results.pop()).toBe(5);
    expect(channel.responses[5]!.every((byte) => byte === 2)).toBe(true);
  });

  it('passes through three threads, each of which reads what the previous one wrote', async () => {
    const rounds = 5_000;
    const memory = newChannelMemory(512);
    const channel = new WorkerChannel(memory);
    const [mainMemory, coordinatorParker] = [new SharedArrayBuffer(WORD_BYTES), new SharedArrayBuffer(WORD_BYTES)];
    const mainParker = new Parker(mainMemory);
    const imports = { 'shared-memory/worker-channel': 'WorkerChannel', 'shared-memory/parker': 'Parker' };
    const steps = `
       const channel = new WorkerChannel(data.memory);
       const [mainParker, coordinatorParker] = [new Parker(data.mainMemory), new Parker(data.coordinatorParker)];
       const BYTES = 300;
       /** Throws unless all bytes of a part are equal; returns the byte. */
       const read = (part) => {
         for (let at = 1; at < BYTES; at++) if (part[at] !== part[0]) throw new Error('torn at ' + at);
         return part[0];
       };
       const write = (part, byte) => part.fill(byte & 255, 0, BYTES);`;
    const data = { memory, mainMemory, coordinatorParker };
    const threads = [
      new PausedThread(
        imports,
        `${steps}
         for (let done = 0; done < ${rounds}; ) {
           const { epoch } = channel.parker;
           let busy = false;
           for (let slot = channel.messages.pop(); slot !== undefined; slot = channel.messages.pop()) {
             write(channel.responses[slot], read(channel.jobs[slot]) + 1);
             channel.questions.push(slot);
             coordinatorParker.unpark();
             busy = true;
           }
           for (let slot = channel.answers.pop(); slot !== undefined; slot = channel.answers.pop()) {
             if (read(channel.responses[slot]) !== ((read(channel.jobs[slot]) + 2) & 255)) throw new Error('another answer');
             write(channel.responses[slot], read(channel.responses[slot]) + 1);
             channel.results.push(slot);
             mainParker.unpark();
             done += 1;
             busy = true;
           }
           if (!busy) channel.parker.park(epoch, ${FOR_EVER_MS});
         }`,
        data,
      ),
      new PausedThread(
        imports,
        `${steps}
         for (let done = 0; done < ${rounds}; ) {
           const { epoch } = coordinatorParker;
           const slot = channel.questions.pop();
           if (slot === undefined) { coordinatorParker.park(epoch, ${FOR_EVER_MS}); continue; }
           write(channel.responses[slot], read(channel.responses[slot]) + 1);
           channel.answers.push(slot);
           channel.parker.unpark();
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
      const { epoch } = mainParker;
      while (sent < rounds && free.length > sent % 5) {
        const slot = free.pop()!;
        channel.jobs[slot]!.fill(sent & 255, 0, 300);
        expected.set(slot, (sent + 3) & 255);
        channel.messages.push(slot);
        channel.parker.unpark();
        sent += 1;
      }
      let taken = 0;
      for (let slot = channel.results.pop(); slot !== undefined; slot = channel.results.pop()) {
        const part = channel.responses[slot]!.subarray(0, 300);
        const byte = expected.get(slot)!;
        if (part.some((other) => other !== byte)) expect.unreachable(`slot ${slot} is torn`);
        free.push(slot);
        taken += 1;
      }
      received += taken;
      if (taken === 0 && received < rounds) await Promise.race([mainParker.parkAsync(epoch), failed]);
    }
    await failed;
  });
});
