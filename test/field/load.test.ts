// The load by the independent client: it runs against a server, and shares no code with it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const TOP = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = 'test/field/load-command.ts';

const run = (...args: string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', COMMAND, ...args], { cwd: TOP });

it('prints the overhead factor of fresh members against a durable server', async () => {
  const shape = ['--connections', '8,4', '--sessions', '24', '--warm-up', '16', '--runs', '2'];
  const { stdout } = await run(...shape);
  expect(
    stdout.match(/^8 connections: \d+ sessions\/s, server CPU \d+ us, bare \d+ us, factor \d+\.\d\d/gm),
  ).toHaveLength(2);
  expect(stdout).toMatch(/^overhead factor at 4 connections, worst of 2: \d+\.\d\d$/m);
});

it.each([
  [['--registry', 'regCred.dat'], '--registry needs --server-pid'],
  [['--connections', '0'], '--connections must be a whole number above 0, not 0'],
])('refuses %j', async (args, problem) => {
  const failed = await run(...args).catch((error: { code: number; stderr: string }) => error);
  expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining(problem) });
});

/** The files that a file imports, and theirs. */
function importsOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(resolve(TOP, file), 'utf8');
  for (const [, specifier] of text.matchAll(/from '(\.[^']+)'/g)) {
    importsOf(relative(TOP, resolve(TOP, dirname(file), specifier!)), seen);
  }
  return seen;
}

it('imports nothing of src/ and bench/', () => {
  const files = [...importsOf(COMMAND), ...importsOf('test/field/load/bare-process.ts')];
  expect(files).toContain('test/field/field-client.ts');
  expect(files.filter((file) => !file.startsWith('test/'))).toEqual([]);
});
