// Orders of the main thread come through the coordinator's event loop, which it gives a turn every 10 ms while it sleeps on its
// bell: an order does not wait for that.
import { setInterval as every } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CoordinatorThread } from '../../src/coordinator/coordinator-thread.ts';

const ORDERS = 31;
/** Between two orders: one that follows at once is seen while the thread is still at the one before. */
const INTERVAL_MS = 3;

it('answers orders at once while nobody asks it anything', async () => {
  const limits = { clients: 100, clusters: 100, ephemeralTtlMs: 60_000, idleRegistrationTtlMs: 60_000 };
  const store = { name: 'memory', dataDirectory: '.', registryId: 'ee'.repeat(32), bytesMax: undefined } as const;
  const coordinator = await CoordinatorThread.start({ store, limits }, { full() {}, unreachable() {}, death() {} });
  const took: number[] = [];
  for await (const _ of every(INTERVAL_MS)) {
    const began = performance.now();
    await coordinator.overview();
    if (took.push(performance.now() - began) === ORDERS) break;
  }
  await coordinator.close();
  // An order that waits for its turn is behind it when it is answered, and 3 ms later the next one has 7 ms to wait.
  expect(took.sort((a, b) => a - b)[Math.floor(ORDERS / 2)]).toBeLessThan(8);
});
