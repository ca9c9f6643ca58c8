// A disk that fails to write or to sync: the server acknowledges nothing more and exits with code 1 (E6).

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyStore } from '../../src/store/verify.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'chained' };
const made = mkdtempSync(join(tmpdir(), 'xlreg-failing-'));
const library = compile();

afterAll(() => rmSync(made, { recursive: true }));

/** Compiles the preloaded library. Returns undefined and logs the reason if there is no compiler. */
function compile(): string | undefined {
  const library = join(made, 'failing-disk.so');
  const source = fileURLToPath(new URL('failing-disk.c', import.meta.url));
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' });
    return library;
  } catch (error) {
    console.log(`SKIPPED, the failing disk cannot be compiled here: ${(error as Error).message.trim()}`);
    return undefined;
  }
}

describe.skipIf(library === undefined)('a disk that fails', () => {
  it.each(['write', 'sync'])(
    'a failed %s ends the server, and the next start has all it had acknowledged (E6)',
    async (how) => {
      const [dataDir, failing] = [mkdtempSync(join(made, 'data-')), mkdtempSync(join(made, 'how-'))];
      const store = ['--store', 'lmdb'];
      const registry = await FieldRegistry.start({
        args: store,
        dataDir,
        env: { LD_PRELOAD: library!, FAILING_DISK: failing },
      });
      const first = await registry.register(WIRE, { name: 'first' });
      const second = await registry.register(WIRE, { name: 'second' });
      const { clusterId } = await first.client.create('here', 3);
      await first.client.join('here');

      writeFileSync(join(failing, how), '');
      const answers = await Promise.allSettled([second.client.join('here'), first.client.create('there', 3)]);
      expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(await registry.process.exited).toBe(1);
      registry.closeClients();
      expect(await verifyStore(dataDir)).toEqual({ clients: 2, clusters: 1, members: 1 });

      const again = await FieldRegistry.start({ args: store, dataDir });
      const { client } = await again.register(WIRE, { name: 'visitor' });
      expect((await client.getCluster(clusterId)).which).toBe(1n);
      expect(await again.stop()).toBe(0);
    },
  );
});
