// An installation that is not whole: the registry does not start, and says why in a line, rather than serve nobody.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../..');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-broken-'));
  for (const part of ['dist', 'package.json']) cpSync(join(PROJECT, part), join(directory, part), { recursive: true });
  symlinkSync(join(PROJECT, 'node_modules'), join(directory, 'node_modules'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function serve() {
  const main = join(directory, 'dist/src/cli/main.js');
  const listeners = ['tcp', 'ws', 'admin'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
  const args = [main, 'serve', ...listeners, '--data-dir', join(directory, 'data'), '--log-level', 'error'];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' });
}

const POOL = 'xlreg serve: a worker of the pool cannot be loaded: ';
const remove = (file: string) => () => rmSync(join(directory, 'dist', file));
const put = (file: string, text: string) => () => writeFileSync(join(directory, 'dist', file), text);
const startThat = (does: string) => put('src/pool/pool-worker.js', `export function startPoolWorker() { ${does} }`);

it.each([
  ['the code of workers is missing', remove('workers/pool-worker.js'), `${POOL}Cannot find module `],
  ['a module of theirs is missing', remove('src/pool/serve-job.js'), `${POOL}Cannot find module `],
  ['a module of theirs was cut off', put('src/pool/pool-worker.js', 'export function start'), `${POOL}Unexpected `],
  ['a worker fails at its start', startThat('throw new Error("no such luck\\nand more")'), `${POOL}no such luck\n`],
  ['a worker ends at its start', startThat('process.exit(3)'), `${POOL}worker exited with code: 3\n`],
  [
    'the code of the coordinator is missing',
    remove('workers/coordinator-thread.js'),
    'xlreg serve: the coordinator cannot be loaded: Cannot find module ',
  ],
])('%s: exit code 1 and a line', (_, spoil, line) => {
  spoil();
  const { status, stdout, stderr } = serve();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr.slice(0, line.length)).toBe(line);
  expect(stderr.trimEnd()).not.toContain('\n');
});
