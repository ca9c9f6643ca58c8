// Numbers that one thread writes and others read without a lock. Each number is read whole; those of one step may be
// seen partly updated, but never go back.
import { expect, it } from 'vitest';
import { CounterAllocator } from '../../src/shared-memory/shared-counter.ts';
import { PausedThread } from '../support/paused-thread.ts';

const BYTES = 64;
/** Two numbers whose halves all differ. */
const [ONE, OTHER] = [1.234_567_890_123e-5, -9.876_543_210_987e250];
/** An object that pauses the thread when it is converted to a number. */
const STOPPING = (value: number) => `{ valueOf() { pause(); return ${value}; } }`;
const IMPORTS = { 'shared-memory/shared-counter': 'CounterAllocator' };

it('reads a number before or after a write, never half of each', async () => {
  const memory = new SharedArrayBuffer(BYTES);
  const number = new CounterAllocator(memory).counter();
  number.value = ONE;
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const writer = new PausedThread(
    IMPORTS,
    `const number = new CounterAllocator(data.memory).counter();
     while (Atomics.load(data.stop, 0) === 0) { number.value = ${OTHER}; number.value = ${ONE}; }`,
    { memory, stop },
  );
  const seen = new Set<number>();
  for (let round = 0; round < 1_000_000 || (seen.size < 2 && round < 100_000_000); round++) seen.add(number.value);
  Atomics.store(stop, 0, 1);
  await writer.ended;
  expect([...seen].sort((a, b) => a - b)).toEqual([OTHER, ONE]);
});

it('reads each of several stats before or after a write', async () => {
  const memory = new SharedArrayBuffer(BYTES);
  const readings = new CounterAllocator(memory).threadStats();
  const old = { at: 1, cpuSeconds: 2, heapUsedBytes: 3, heapLimitBytes: 4 };
  readings.write(old);
  const writer = new PausedThread(
    IMPORTS,
    `const heapUsedBytes = ${STOPPING(30)};
     new CounterAllocator(data.memory).threadStats().write({ at: 10, cpuSeconds: 20, heapUsedBytes, heapLimitBytes: 40 });`,
    { memory },
  );
  await writer.paused();
  for (const [name, value] of Object.entries(readings.read())) {
    expect([old[name as keyof typeof old], 10 * old[name as keyof typeof old]]).toContain(value);
  }
  writer.goOn();
  await writer.ended;
  expect(readings.read()).toEqual({ at: 10, cpuSeconds: 20, heapUsedBytes: 30, heapLimitBytes: 40 });
});

it("counts a histogram's observation before it adds its value", async () => {
  const memory = new SharedArrayBuffer(BYTES);
  const series = new CounterAllocator(memory).histogram([1]);
  const writer = new PausedThread(
    IMPORTS,
    `const series = new CounterAllocator(data.memory).histogram([1]);
     let reads = 0;
     // The first conversion compares with the bound, the second adds.
     series.observe({ valueOf() { if (++reads === 2) pause(); return 0.5; } });`,
    { memory },
  );
  await writer.paused();
  expect([[...series.counts], series.sum]).toEqual([[1, 0], 0]);
  writer.goOn();
  await writer.ended;
  expect([[...series.counts], series.sum]).toEqual([[1, 0], 0.5]);
});

it('grows a histogram for readers while another thread observes', async () => {
  const rounds = 200_000;
  const memory = new SharedArrayBuffer(BYTES);
  const series = new CounterAllocator(memory).histogram([1]);
  const writer = new PausedThread(
    IMPORTS,
    `const series = new CounterAllocator(data.memory).histogram([1]);
     for (let round = 0; round < ${rounds}; round++) series.observe(round % 2 === 0 ? 1 : 2);`,
    { memory },
  );
  let last = [0, 0];
  while (last[0]! + last[1]! < rounds) {
    const now = [...series.counts];
    expect(now.every((count, bucket) => count >= last[bucket]!)).toBe(true);
    last = now;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writer.ended;
  expect(series.sum).toBe(1.5 * rounds);
});
