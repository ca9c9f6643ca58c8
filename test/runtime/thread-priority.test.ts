// Which threads of a registry go first where cores are short.
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { adminToken } from '../support/admin-token.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

let registry: RegistryProcess;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

/** Of each thread of a process, how far behind that of this test it stands. */
function stepsBehind(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'ascii');
    // Behind the name, which may have anything in it: fields 3 and on, of which the 19th is the priority.
    const nice = status.slice(status.lastIndexOf(')') + 2).split(' ')[19 - 3];
    return Number(nice) - getPriority();
  });
}

describe.skipIf(process.platform !== 'linux')('a registry', () => {
  it('lets all of its threads go before the coordinator', async () => {
    registry = await startRegistry({ args: ['--store', 'lmdb'] });
    // A backup takes threads that may be made for it, and would inherit the priority of their maker.
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
