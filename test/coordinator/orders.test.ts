// Orders of the main thread arrive through the coordinator's event loop. The sleeping coordinator gives it a turn every
// 10 ms, and an order must not wait for that.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval as every } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { newGrowthMemory } from '../../src/admission/growth-budgets.ts';
import { writeCommand } from '../../src/coordinator/command-codec.ts';
import { CoordinatorBusyError, CoordinatorThread } from '../../src/coordinator/thread/handle.ts';
import { newChannelMemory, WorkerChannel } from '../../src/shared-memory/worker-channel.ts';
import { NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { register } from './asking.ts';

const ORDERS = 31;
/** Milliseconds between two orders; an immediate one would arrive while the thread still handles the last. */
const INTERVAL_MS = 3;

it('answers orders at once while no worker asks', async () => {
  const growth = { memory: newGrowthMemory(), rates: { registration: 1, cluster: 1, member: 1 } };
  const store = { name: 'memory', dataDirectory: '.', registryId: 'ee'.repeat(32), bytesMax: undefined } as const;
  const coordinator = await CoordinatorThread.start(
    { store, limits: NO_LIMITS, growth },
    { full() {}, unreachable() {}, tokenReplayed() {}, idDisplaced() {}, seatsExpired() {}, death() {} },
  );
  const took: number[] = [];
  for await (const _ of every(INTERVAL_MS)) {
    const began = performance.now();
    await coordinator.overview();
    if (took.push(performance.now() - began) === ORDERS) break;
  }
  await coordinator.close();
  // An order that waits for a turn is answered right behind it. The next order, 3 ms later, would then wait 7 ms.
  expect(took.sort((a, b) => a - b)[Math.floor(ORDERS / 2)]).toBeLessThan(8);
});

it("ends cleanly with a question left in a channel, and rejects operators' queries then (E6)", async () => {
  const growth = { memory: newGrowthMemory(), rates: { registration: 1, cluster: 1, member: 1 } };
  const deaths: unknown[] = [];
  for (let round = 0; round < 3; round++) {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'xlreg-closing-'));
    const store = { name: 'lmdb', dataDirectory, registryId: 'ee'.repeat(32), bytesMax: undefined } as const;
    const events = {
      full() {},
      unreachable() {},
      tokenReplayed() {},
      idDisplaced() {},
      seatsExpired() {},
      death: (error: unknown) => deaths.push(error),
    };
    const coordinator = await CoordinatorThread.start({ store, limits: NO_LIMITS, growth }, events);
    const memory = newChannelMemory(16_384);
    coordinator.serve(memory);
    await coordinator.overview();
    const asked = [coordinator.overview(), coordinator.operate({ kind: 'delete-cluster', cluster: { name: 'c' } })];
    // The store closes only after the copy, so the thread runs until then.
    const copied = coordinator.backup(join(dataDirectory, 'copy'));
    const closing = coordinator.close();
    // Left by a worker that ended while it waited: no unpark follows, and the thread finds the question by looking.
    const channel = new WorkerChannel(memory);
    writeCommand(register(1), channel.responses[0]!);
    channel.questions.push(0);
    const late = expect(coordinator.overview()).rejects.toThrow(CoordinatorBusyError);
    await closing;
    await late;
    await copied;
    for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('fulfilled');
    await expect(coordinator.backup(join(dataDirectory, 'other'))).rejects.toThrow('stopping');
    rmSync(dataDirectory, { recursive: true });
  }
  expect(deaths).toEqual([]);
});
