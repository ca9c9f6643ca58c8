// One data directory for registries in several containers, or on several machines.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'vitest';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { canRun, IN_CONTAINER, onOtherMachine } from '../support/other-machines.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const LMDB = ['--store', 'lmdb'];

/** The directories and registries of one test. */
interface Place {
  readonly parent: string;
  readonly dataDir: string;
  /** Killed at the test's end. */
  readonly processes: RegistryProcess[];
}

function newPlace({ onTestFinished }: TestContext): Place {
  const parent = mkdtempSync(join(tmpdir(), 'xlreg-machines-'));
  const place: Place = { parent, dataDir: join(parent, 'data'), processes: [] };
  onTestFinished(async () => {
    for (const registry of place.processes) await registry.stop('SIGKILL');
    rmSync(parent, { recursive: true, force: true });
  });
  return place;
}

async function start({ dataDir, processes }: Place, within: readonly string[]): Promise<RegistryProcess> {
  const registry = await startRegistry({ args: LMDB, dataDir, within });
  processes.push(registry);
  return registry;
}

describe.skipIf(!canRun(IN_CONTAINER, 'registries in containers'))('a container', { concurrent: true }, () => {
  it('starts at once after another with the same pids was killed', async (context) => {
    const { expect } = context;
    const place = newPlace(context);
    const killed = await start(place, IN_CONTAINER);
    await killed.stop('SIGKILL');
    const began = performance.now();
    const next = await start(place, IN_CONTAINER);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(next.stderr()).not.toContain('waiting');
  });

  it('is refused while another holds the directory', async (context) => {
    const { expect } = context;
    const place = newPlace(context);
    const holder = await start(place, IN_CONTAINER);
    await expect(start(place, IN_CONTAINER)).rejects.toThrow(/is in use by the process with pid 1 on /);
    await expect(start(place, [])).rejects.toThrow(/is in use by the process with pid 1 on /);
    expect((await fetch(`http://127.0.0.1:${holder.adminPort}/readyz`)).status).toBe(200);
  });
});

describe.skipIf(!canRun(onOtherMachine(tmpdir()), 'registries on several machines'))(
  'another machine',
  { concurrent: true },
  () => {
    it('takes over from a registry stopped for 15 s, which acknowledges nothing later', async (context) => {
      const { expect } = context;
      const { parent, dataDir, processes } = newPlace(context);
      const first = await FieldRegistry.start({ args: LMDB, dataDir, within: onOtherMachine(parent) });
      processes.push(first.process);
      const { client } = await first.register(WIRE, { name: 'alice' });
      process.kill(first.process.pid, 'SIGSTOP');
      // The socket's buffer holds the request until the process goes on.
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

    it('is refused within seconds while the registry renews its lock', async (context) => {
      const { expect } = context;
      const place = newPlace(context);
      const holder = await start(place, []);
      const began = performance.now();
      await expect(start(place, onOtherMachine(place.parent))).rejects.toThrow(
        /is in use by the process with pid \d+ on /,
      );
      expect(performance.now() - began).toBeLessThan(12_000);
      expect((await fetch(`http://127.0.0.1:${holder.adminPort}/readyz`)).status).toBe(200);
    });
  },
);
