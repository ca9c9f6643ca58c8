// The package xlreg as an operator installs it: the command line runs a registry, and two members join through it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { installTarball, makeTarballs, measureInstalled } from '../support/tarballs.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const tarballs = await makeTarballs();
const folder = await installTarball(tarballs, 'xlreg');
let registry: ChildProcess | undefined;
afterAll(() => {
  registry?.kill('SIGKILL');
  for (const made of [tarballs, folder]) if (made !== undefined) rmSync(made, { recursive: true });
});

describe.skipIf(folder === undefined)('the package xlreg', () => {
  const xlreg = () => join(folder!, 'node_modules/.bin/xlreg');

  it('has no bench, tests or demo', () => {
    console.log('installed:', measureInstalled(folder!));
    for (const path of ['dist/bench', 'test', 'docs']) {
      expect(existsSync(join(folder!, 'node_modules/xlreg', path)), path).toBe(false);
    }
  });

  it('runs a registry that two members join', async () => {
    const free = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    registry = spawn(xlreg(), ['serve', ...free], { cwd: folder!, stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    registry.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(() => said.includes('ready '));
    const command = (...args: string[]) => run(xlreg(), args, { cwd: folder!, env: { ...process.env, HOME: folder! } });
    await command('create', 'demo', '--size', '2');
    const joined = await Promise.all(
      ['alice', 'bob'].map((name, i) =>
        command('join', 'demo', '--name', name, '--end-point', `127.0.0.1:${4001 + i}`, '--wait', '30'),
      ),
    );
    for (const { stdout } of joined) expect(stdout).toMatch(/alice[\s\S]*bob|bob[\s\S]*alice/);
    const ended = once(registry, 'exit');
    registry.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
