// The threads' priorities where cores are short.
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { adminToken } from '../support/admin-token.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

let registry: RegistryProcess;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

/** Each thread's nice value, relative to this test's. */
function stepsBehind(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'ascii');
    // Fields 3 and on follow the name, which may contain anything. The 19th field is the nice value.
    const nice = status.slice(status.lastIndexOf(')') + 2).split(' ')[19 - 3];
    return Number(nice) - getPriority();
  });
}

describe.skipIf(process.platform !== 'linux')("the registry's threads", () => {
  it('yield to the coordinator, all of them', async () => {
    registry = await startRegistry({ args: ['--store', 'lmdb'] });
    // The backup may start threads, which would inherit the priority of the thread that starts them.
    const token = adminToken(registry.dataDir);
    const backup = await fetch(`http://127.0.0.1:${registry.adminPort}/backup`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    expect(backup.status).toBe(200);
    const steps = stepsBehind(registry.pid).sort((a, b) => a - b);
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.filter((step) => step !== 0)).toEqual([Math.min(5, 19 - getPriority())]);
  });
});
