// The package xlreg as an operator installs it, on each supported Node: the command line runs a registry, and two members
// join through it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installNode, NODE_MAJORS } from '../support/node-versions.ts';
import { installTarball, makeTarballs, measureInstalled } from '../support/tarballs.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const tarballs = await makeTarballs();
const removed = [tarballs];
let registry: ChildProcess | undefined;
afterAll(() => {
  registry?.kill('SIGKILL');
  for (const made of removed) rmSync(made, { recursive: true });
});

describe.each([...NODE_MAJORS])('the package xlreg on Node %s', (major) => {
  let node: string;
  let folder: string | undefined;
  beforeAll(async () => {
    const installed = await installNode(major, 300_000);
    if (installed === undefined) return;
    removed.push(installed.folder);
    node = installed.program;
    // npm chooses native builds for the Node that runs it.
    folder = await installTarball(tarballs, 'xlreg', node);
    if (folder === undefined) return;
    removed.push(folder);
    console.log('installed:', measureInstalled(folder));
  });

  it('runs a registry and a cluster inside a test', async ({ skip }) => {
    if (folder === undefined) return skip();
    const code = `import { withCluster } from 'xlreg/testing';
      console.log(await withCluster(3, ({ members }) => members[2].roster.members.length));`;
    const { stdout } = await run(node, ['--input-type=module', '-e', code], { cwd: folder });
    expect(stdout).toBe('3\n');
    expect(existsSync(join(folder, 'node_modules/xlreg/dist/src/testing/index.d.ts'))).toBe(true);
  });

  it('runs a registry that two members join', async ({ skip }) => {
    if (folder === undefined) return skip();
    const cwd = folder;
    const xlreg = join(cwd, 'node_modules/.bin/xlreg');
    const free = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    registry = spawn(node, [xlreg, 'serve', ...free], { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    let said = '';
    registry.stdout!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(() => said.includes('ready '));
    const command = (...args: string[]) => run(node, [xlreg, ...args], { cwd, env: { ...process.env, HOME: cwd } });
    await command('create', 'demo', '--size', '2');
    const joined = await Promise.all(
      ['alice', 'bob'].map((name, i) =>
        command('join', 'demo', '--name', name, '--end-point', `127.0.0.1:${4001 + i}`, '--wait', '60'),
      ),
    );
    for (const { stdout } of joined) expect(stdout).toMatch(/alice[\s\S]*bob|bob[\s\S]*alice/);
    const ended = once(registry, 'exit');
    registry.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
