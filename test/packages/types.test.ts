// The declarations of both npm packages, for tools and compilers that read them.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consumerOf, type Manifest, makeTarballs, type PackageName, tarballPath } from '../support/tarballs.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const tarballs = await makeTarballs();
const folder = mkdtempSync(join(tmpdir(), 'xlreg-types-'));
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
  beforeAll(async () => {
    mkdirSync(own, { recursive: true });
    await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', own]);
    manifest = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
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
