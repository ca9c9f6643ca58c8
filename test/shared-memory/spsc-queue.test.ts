// SPSC queues and parkers between real threads: no number is lost, doubled or reordered, and no unpark is missed.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Parker } from '../../src/shared-memory/parker.ts';
import { SpscQueue } from '../../src/shared-memory/spsc-queue.ts';

const SLOTS = 8;

it('pops what was pushed, in order, as a plain list does', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(SLOTS - 1), { nil: undefined }), { size: '+1' }), (steps) => {
      const queue = new SpscQueue(new SharedArrayBuffer(SpscQueue.bytes(SLOTS)), 0, SLOTS);
      const list: number[] = [];
      for (const put of steps) {
        if (put !== undefined && list.length < SLOTS) {
          queue.push(put);
          list.push(put);
        } else expect(queue.pop()).toBe(list.shift());
        expect(queue.length).toBe(list.length);
      }
    }),
  );
});

it("passes slots round between two threads that park in between, each of which sees the other's writes", async () => {
  const rounds = 20_000;
  const [bytes, parker] = [SpscQueue.bytes(SLOTS), 64];
  const memory = new SharedArrayBuffer(2 * bytes + 2 * parker + SLOTS * 4);
  const [there, back] = [new SpscQueue(memory, 0, SLOTS), new SpscQueue(memory, bytes, SLOTS)];
  const [theirs, ours] = [new Parker(memory, 2 * bytes), new Parker(memory, 2 * bytes + parker)];
  const contents = new Int32Array(memory, 2 * bytes + 2 * parker, SLOTS);
  const modules = new URL('../../dist/src/shared-memory/', import.meta.url).href;
  // Doubles the word in each slot; parks when there is none.
  const worker = new Worker(
    `import { workerData as memory } from 'node:worker_threads';
     import { Parker } from '${modules}parker.js';
     import { SpscQueue } from '${modules}spsc-queue.js';
     const [there, back] = [new SpscQueue(memory, 0, ${SLOTS}), new SpscQueue(memory, ${bytes}, ${SLOTS})];
     const [own, other] = [new Parker(memory, ${2 * bytes}), new Parker(memory, ${2 * bytes + parker})];
     const contents = new Int32Array(memory, ${2 * bytes + 2 * parker}, ${SLOTS});
     for (let left = ${rounds}; left > 0; ) {
       const { epoch } = own;
       const slot = there.pop();
       if (slot === undefined) { own.park(epoch, 60_000); continue; }
       contents[slot] *= 2;
       back.push(slot);
       other.unpark();
       left -= 1;
     }`,
    { eval: true, workerData: memory, execArgv: ['--input-type=module'] },
  );
  const ended = once(worker, 'exit');
  const expected: [number, number][] = [];
  let [sent, received] = [0, 0];
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  while (received < rounds) {
    const { epoch } = ours;
    let busy = false;
    // Each round pushes another count, so that both sides run empty and full.
    while (sent < rounds && free.length > sent % 3) {
      const slot = free.pop()!;
      contents[slot] = sent;
      expected.push([slot, 2 * sent]);
      there.push(slot);
      theirs.unpark();
      sent += 1;
      busy = true;
    }
    for (let slot = back.pop(); slot !== undefined; slot = back.pop()) {
      expect([slot, contents[slot]]).toEqual(expected.shift());
      free.push(slot);
      received += 1;
      busy = true;
    }
    if (!busy) await ours.parkAsync(epoch);
  }
  await ended;
  expect(there.length + back.length).toBe(0);
});

it('does not miss an unpark between looking and parking', async () => {
  const parker = new Parker(new SharedArrayBuffer(4));
  const { epoch } = parker;
  parker.unpark();
  await parker.parkAsync(epoch);
  const unparked = parker.parkAsync(parker.epoch);
  setImmediate(() => parker.unpark());
  await unparked;
});
