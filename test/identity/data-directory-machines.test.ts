// Registries in containers and on several machines that want one data directory.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { giveKeys } from '../support/made-keys.ts';
import { canRun, IN_CONTAINER, onOtherMachine } from '../support/other-machines.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const LMDB = ['--store', 'lmdb'];

let parent: string;
let dataDir: string;
const processes: RegistryProcess[] = [];
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'xlreg-machines-'));
  dataDir = join(parent, 'data');
  mkdirSync(dataDir, { mode: 0o700 });
  await giveKeys(dataDir);
});
afterEach(async () => {
  for (const registry of processes.splice(0)) await registry.stop('SIGKILL');
  rmSync(parent, { recursive: true, force: true });
});

async function start(within: readonly string[]): Promise<RegistryProcess> {
  const registry = await startRegistry({ args: LMDB, dataDir, within });
  processes.push(registry);
  return registry;
}

describe.skipIf(!canRun(IN_CONTAINER, 'registries in containers'))('a container', () => {
  it('starts at once after another with the same pids was killed', async () => {
    const killed = await start(IN_CONTAINER);
    await killed.stop('SIGKILL');
    const began = performance.now();
    const next = await start(IN_CONTAINER);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(next.stderr()).not.toContain('waiting');
  });

  it('is refused while another holds the directory', async () => {
    const holder = await start(IN_CONTAINER);
    await expect(start(IN_CONTAINER)).rejects.toThrow(/is in use by the process with pid 1 on /);
    await expect(start([])).rejects.toThrow(/is in use by the process with pid 1 on /);
    expect((await fetch(`http://127.0.0.1:${holder.adminPort}/readyz`)).status).toBe(200);
  });
});

describe.skipIf(!canRun(onOtherMachine(tmpdir()), 'registries on several machines'))('another machine', () => {
  it('takes over from a registry that is stopped for 15 s, which acknowledges nothing afterwards', async () => {
    const first = await FieldRegistry.start({ args: LMDB, dataDir, within: onOtherMachine(parent) });
    processes.push(first.process);
    const { client } = await first.register(WIRE, { name: 'alice' });
    process.kill(first.process.pid, 'SIGSTOP');
    // It lies in the buffer of the socket until the process goes on.
    const asked = client.create('late', 3).then(
      () => 'acknowledged',
      () => 'refused',
    );
    const within = onOtherMachine(parent);
    const second = await FieldRegistry.start({ args: LMDB, dataDir, within, readyTimeoutMs: 40_000 });
    processes.push(second.process);
    expect(second.process.stderr()).toMatch(/was locked by the process with pid \d+ on .*: waiting 15 s/);

    process.kill(first.process.pid, 'SIGCONT');
    expect(await asked).toBe('refused');
    expect(await first.process.exited).toBe(1);
    expect(first.process.stderr()).toMatch(/the lock of .* is lost: the process with pid \d+ on .* took it over/);
    const bob = await second.register(WIRE, { name: 'bob' });
    await bob.client.create('demo', 3);
    expect(await second.process.stop()).toBe(0);
  }, 60_000);

  it('is refused within seconds while the registry renews its lock', async () => {
    const holder = await start([]);
    const began = performance.now();
    await expect(start(onOtherMachine(parent))).rejects.toThrow(/is in use by the process with pid \d+ on /);
    expect(performance.now() - began).toBeLessThan(12_000);
    expect((await fetch(`http://127.0.0.1:${holder.adminPort}/readyz`)).status).toBe(200);
  });
});
