// The package xlreg-client as a program installs it: small, and enough to join a cluster.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { installTarball, makeTarballs, measureInstalled } from '../support/tarballs.ts';

const run = promisify(execFile);
const tarballs = await makeTarballs();
const folder = await installTarball(tarballs, 'xlreg-client');
afterAll(() => {
  for (const made of [tarballs, folder]) if (made !== undefined) rmSync(made, { recursive: true });
});

describe.skipIf(folder === undefined)('the package xlreg-client', () => {
  const inside = (...path: string[]) => join(folder!, ...path);
  let registry: RegistryProcess;
  beforeAll(async () => {
    registry = await startRegistry();
    mkdirSync(inside('xlreg-data'));
    cpSync(join(registry.dataDir, 'regCred.dat'), inside('xlreg-data/regCred.dat'));
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
  });

  it('has few packages and no native code', () => {
    const { megabytes, packages, native } = measureInstalled(folder!);
    expect(native).toBe(0);
    expect(packages).toBeLessThanOrEqual(6);
    expect(megabytes).toBeLessThan(6);
  });

  it('joins a cluster by the example in its README', async () => {
    const readme = readFileSync(inside('node_modules/xlreg-client/README.md'), 'utf8');
    const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
    writeFileSync(inside('alice.mjs'), code);
    writeFileSync(inside('bob.mjs'), code.replaceAll('alice', 'bob').replace('4001', '4002'));
    const members = await Promise.all(
      ['alice.mjs', 'bob.mjs'].map((file) => run(process.execPath, [file], { cwd: folder!, timeout: 20_000 })),
    );
    for (const { stdout } of members) {
      expect(stdout).toContain("alice [ '127.0.0.1:4001' ]");
      expect(stdout).toContain("bob [ '127.0.0.1:4002' ]");
    }
  });

  it('loads in CommonJS, and shows its package.json', async () => {
    const code = `import('xlreg-client').then((client) => console.log(typeof client.connect));
      console.log(require('xlreg-client/package.json').name);`;
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: folder! });
    expect(stdout).toBe('xlreg-client\nfunction\n');
  });

  it('has the declarations that its declarations import, and no sources of maps', () => {
    const own = inside('node_modules/xlreg-client/dist/src');
    expect(existsSync(join(own, 'index.d.ts'))).toBe(true);
    expect(existsSync(join(own, 'server'))).toBe(false);
    expect(readFileSync(join(own, 'index.js'), 'utf8')).not.toContain('sourceMappingURL');
  });
});
