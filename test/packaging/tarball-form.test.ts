// The form of both npm packages: their files, manifest, links and declarations.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumerOf, type Manifest, makeTarballs, type PackageName, tarballPath } from '../support/tarballs.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const tarballs = await makeTarballs();
const folder = mkdtempSync(join(tmpdir(), 'xlreg-tarball-form-'));
afterAll(() => {
  for (const made of [tarballs, folder]) rmSync(made, { recursive: true });
});

/** Runs a program of the checkout's node_modules; resolves to its exit code and output. */
async function program(path: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const ran = run(process.execPath, [join(project, 'node_modules', path), ...args], { cwd: folder });
  return ran.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
  );
}

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

  it('has types that @arethetypeswrong/cli accepts', async () => {
    const flags = ['--profile', 'esm-only', '--no-definitely-typed', '--no-color', '--no-emoji', '--format', 'ascii'];
    const { code, output } = await program('@arethetypeswrong/cli/dist/index.js', [tarball, ...flags]);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('package.json') });
  });

  it.each(['nodenext', 'bundler'])('compiles in a program with `types: []` and %s resolution', async (resolution) => {
    for (const needed of [...Object.keys(manifest.dependencies as object), '@types/node']) {
      const place = join(folder, 'node_modules', needed);
      mkdirSync(dirname(place), { recursive: true });
      if (!existsSync(place)) symlinkSync(join(project, 'node_modules', needed), place);
    }
    const consumer = consumerOf(manifest, resolution);
    writeFileSync(join(folder, 'consumer.ts'), consumer.code);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(consumer.tsconfig));
    expect(await program('typescript/bin/tsc', ['-p', folder])).toEqual({ code: 0, output: '' });
  });
});
