// Both npm packages: their files, manifest and links; and xlreg-client as a program installs it, small and enough to join
// a cluster. `npm run test:packages` has their declarations, and each compiler and version of Node.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import {
  installTarball,
  type Manifest,
  makeTarballs,
  measureInstalled,
  type PackageName,
  tarballPath,
} from '../support/tarballs.ts';

const run = promisify(execFile);
const tarballs = await makeTarballs();
const installed = await installTarball(tarballs, 'xlreg-client');
const folder = mkdtempSync(join(tmpdir(), 'xlreg-tarballs-'));
afterAll(() => {
  for (const made of [tarballs, folder, installed]) if (made !== undefined) rmSync(made, { recursive: true });
});

describe.each<PackageName>(['xlreg', 'xlreg-client'])('the tarball of %s', (name) => {
  const tarball = tarballPath(tarballs, name);
  const own = join(folder, 'node_modules', name);
  let manifest: Manifest & Record<string, unknown>;
  let files: string[];
  beforeAll(async () => {
    mkdirSync(own, { recursive: true });
    await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own]);
    manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
    const entries = readdirSync(own, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    files = entries.map((entry) => join(entry.parentPath, entry.name).slice(own.length + 1));
  });

  it('has code with declarations, and no bench, tests, sources or maps', () => {
    expect(files.length).toBeGreaterThan(100);
    const allowed =
      /^(?:dist\/(?:src|workers)\/.*\.(?:js|d\.ts|html|css|svg|ico)|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    const code = files.filter((file) => /\.(?:js|ts|css)$/.test(file));
    expect(code.filter((file) => readFileSync(join(own, file), 'utf8').includes('sourceMappingURL'))).toEqual([]);
  });

  it('exports its manifest, says what it is, and names no address, because none is public', () => {
    expect(manifest.exports['./package.json']).toBe('./package.json');
    expect(manifest).toMatchObject({ license: 'MIT', private: true, description: expect.stringMatching(/./) });
    expect(manifest.peerDependenciesMeta).toEqual({ '@types/node': { optional: true } });
    expect((manifest.keywords as string[]).length).toBeGreaterThan(3);
    expect(Object.keys(manifest).filter((key) => ['repository', 'homepage', 'bugs', 'scripts'].includes(key))).toEqual(
      [],
    );
  });

  it('has pages whose links lead to files of the package', () => {
    const links = ['README.md', 'CHANGELOG.md'].flatMap((page) =>
      [...readFileSync(join(own, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!),
    );
    expect(links.filter((link) => /^[a-z]+:/.test(link) || !existsSync(join(own, link.split('#')[0]!)))).toEqual([]);
  });

  it('satisfies publint', async () => {
    const { buffer } = Uint8Array.from(readFileSync(tarball));
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });
});

describe.skipIf(installed === undefined)('the package xlreg-client', () => {
  const inside = (...path: string[]) => join(installed!, ...path);
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
    const { megabytes, packages, native } = measureInstalled(installed!);
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
      ['alice.mjs', 'bob.mjs'].map((file) => run(process.execPath, [file], { cwd: installed!, timeout: 20_000 })),
    );
    for (const { stdout } of members) {
      expect(stdout).toContain("alice [ '127.0.0.1:4001' ]");
      expect(stdout).toContain("bob [ '127.0.0.1:4002' ]");
    }
  });

  it('loads in CommonJS, and shows its package.json', async () => {
    const code = `import('xlreg-client').then((client) => console.log(typeof client.connect));
      console.log(require('xlreg-client/package.json').name);`;
    const { stdout } = await run(process.execPath, ['-e', code], { cwd: installed! });
    expect(stdout).toBe('xlreg-client\nfunction\n');
  });

  it('has the declarations that its declarations import, and no sources of maps', () => {
    const own = inside('node_modules/xlreg-client/dist/src');
    expect(existsSync(join(own, 'index.d.ts'))).toBe(true);
    expect(existsSync(join(own, 'server'))).toBe(false);
    expect(readFileSync(join(own, 'index.js'), 'utf8')).not.toContain('sourceMappingURL');
  });
});
