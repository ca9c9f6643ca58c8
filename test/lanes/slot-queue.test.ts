// Queues and bells between real threads: nothing is lost, doubled or overtaken, and nobody sleeps through a ring.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Bell } from '../../src/lanes/bell.ts';
import { SlotQueue } from '../../src/lanes/slot-queue.ts';

const SLOTS = 8;

it('a queue gives back what was put, in order, as a plain list does', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(SLOTS - 1), { nil: undefined }), { size: '+1' }), (steps) => {
      const queue = new SlotQueue(new SharedArrayBuffer(SlotQueue.bytes(SLOTS)), 0, SLOTS);
      const list: number[] = [];
      for (const put of steps) {
        if (put !== undefined && list.length < SLOTS) {
          queue.put(put);
          list.push(put);
        } else expect(queue.take()).toBe(list.shift());
        expect(queue.length).toBe(list.length);
      }
    }),
  );
});

it('two threads hand each other slots round and round, sleeping in between, and each sees what the other wrote', async () => {
  const rounds = 20_000;
  const [bytes, bell] = [SlotQueue.bytes(SLOTS), 64];
  const memory = new SharedArrayBuffer(2 * bytes + 2 * bell + SLOTS * 4);
  const [there, back] = [new SlotQueue(memory, 0, SLOTS), new SlotQueue(memory, bytes, SLOTS)];
  const [theirs, ours] = [new Bell(memory, 2 * bytes), new Bell(memory, 2 * bytes + bell)];
  const contents = new Int32Array(memory, 2 * bytes + 2 * bell, SLOTS);
  const lanes = new URL('../../dist/src/lanes/', import.meta.url).href;
  // Doubles what stands in each slot, and sleeps whenever there is none.
  const worker = new Worker(
    `import { workerData as memory } from 'node:worker_threads';
     import { Bell } from '${lanes}bell.js';
     import { SlotQueue } from '${lanes}slot-queue.js';
     const [there, back] = [new SlotQueue(memory, 0, ${SLOTS}), new SlotQueue(memory, ${bytes}, ${SLOTS})];
     const [own, other] = [new Bell(memory, ${2 * bytes}), new Bell(memory, ${2 * bytes + bell})];
     const contents = new Int32Array(memory, ${2 * bytes + 2 * bell}, ${SLOTS});
     for (let left = ${rounds}; left > 0; ) {
       const { rings } = own;
       const slot = there.take();
       if (slot === undefined) { own.wait(rings, 60_000); continue; }
       contents[slot] *= 2;
       back.put(slot);
       other.ring();
       left -= 1;
     }`,
    { eval: true, workerData: memory, execArgv: ['--input-type=module'] },
  );
  const ended = once(worker, 'exit');
  const expected: [number, number][] = [];
  let [sent, received] = [0, 0];
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  while (received < rounds) {
    const { rings } = ours;
    let busy = false;
    // As many at a time as the round says, so that both sides run dry and full.
    while (sent < rounds && free.length > sent % 3) {
      const slot = free.pop()!;
      contents[slot] = sent;
      expected.push([slot, 2 * sent]);
      there.put(slot);
      theirs.ring();
      sent += 1;
      busy = true;
    }
    for (let slot = back.take(); slot !== undefined; slot = back.take()) {
      expect([slot, contents[slot]]).toEqual(expected.shift());
      free.push(slot);
      received += 1;
      busy = true;
    }
    if (!busy) await ours.heard(rings);
  }
  await ended;
  expect(there.length + back.length).toBe(0);
});

it('a ring between looking and sleeping is heard', async () => {
  const bell = new Bell(new SharedArrayBuffer(4));
  const { rings } = bell;
  bell.ring();
  await bell.heard(rings);
  const heard = bell.heard(bell.rings);
  setImmediate(() => bell.ring());
  await heard;
});
