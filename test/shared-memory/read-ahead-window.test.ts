// The window between the thread that reads a table and the one that fills from it: the sender paused at its worst
// places, and both at full speed.
import { describe, expect, it } from 'vitest';
import { ReadAheadWindow } from '../../src/shared-memory/read-ahead-window.ts';
import { PausedThread } from '../support/paused-thread.ts';

const MAX = 4;

/** A sender that counts the pieces it has sent. */
function sender(pieces: number, before = '') {
  const memory = new SharedArrayBuffer(ReadAheadWindow.BYTES);
  const count = new Int32Array(new SharedArrayBuffer(4));
  const thread = new PausedThread(
    { 'shared-memory/read-ahead-window': 'ReadAheadWindow' },
    `const window = new ReadAheadWindow(data.memory, ${MAX});
     ${before}
     for (let left = ${pieces}; left > 0; left--) {
       Atomics.add(data.count, 0, 1);
       if (!window.sent()) break;
     }`,
    { memory, count },
  );
  return { window: new ReadAheadWindow(memory, MAX), thread, sent: () => Atomics.load(count, 0) };
}

describe('a sender about to park', () => {
  it('continues if a piece is taken before it parks', async () => {
    const { window, thread, sent } = sender(MAX, `pauseAt('wait', 'before');`);
    await thread.paused();
    expect(sent()).toBe(MAX);
    window.taken();
    thread.goOn();
    await thread.ended;
  });

  it('ends if the taker stops before it parks', async () => {
    const { window, thread, sent } = sender(1_000, `pauseAt('wait', 'before');`);
    await thread.paused();
    window.stop();
    thread.goOn();
    await thread.ended;
    expect(sent()).toBe(MAX);
  });
});

it('keeps the sender within its bound at full speed', async () => {
  const pieces = 20_000;
  const { window, thread, sent } = sender(pieces);
  let taken = 0;
  let most = 0;
  while (taken < pieces) {
    most = Math.max(most, sent() - taken);
    if (sent() > taken) {
      taken += 1;
      window.taken();
    } else await new Promise((resolve) => setImmediate(resolve));
  }
  await thread.ended;
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(MAX);
});
