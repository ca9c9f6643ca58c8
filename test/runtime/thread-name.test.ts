// The threads' names for tools of the system, and the CPU time that the benchmarks read by them.
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { processTimes, threadTimes } from '../../bench/measure/process-readings.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

let registry: RegistryProcess;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

const namesOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, 'ascii').trim());

describe.skipIf(process.platform !== 'linux')("the registry's threads", () => {
  it('bear the names that metrics have for them, each once', async () => {
    registry = await startRegistry({ args: ['--store', 'lmdb', '--workers', '3'] });
    const known = namesOf(registry.pid).filter((name) => /^(coordinator|worker-\d+)$/.test(name));
    expect(known.sort()).toEqual(['coordinator', 'worker-0', 'worker-1', 'worker-2']);
  });

  it('have CPU times by kind, which add up to those of the process', async () => {
    registry = await startRegistry({ args: ['--store', 'lmdb', '--workers', '2'] });
    const before = await processTimes(registry.pid);
    const threads = await threadTimes(registry.pid);
    const after = await processTimes(registry.pid);
    for (const kind of ['front', 'coordinator', 'workers'] as const) expect(threads[kind].user).toBeGreaterThan(0);
    const all = Object.values(threads).reduce((sum, { user, system }) => sum + user + system, 0);
    // Each thread is counted in whole hundredths, and threads that have ended are in the process only.
    const rounding = 0.02 * readdirSync(`/proc/${registry.pid}/task`).length;
    expect(all).toBeLessThanOrEqual(after.user + after.system + rounding);
    expect(all).toBeGreaterThan((before.user + before.system) / 2);
  });
});
