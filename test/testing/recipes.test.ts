// The recipes of docs/how-to/test-with-a-registry.md run as they stand, in a project that has xlreg installed. The one for
// Jest is in test/packages.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { env, projectOf } from './recipe-project.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

it(
  'runs the recipe of Vitest',
  async () => {
    const cwd = projectOf('Vitest', ['vitest']);
    const { stdout } = await run(process.execPath, [join(cwd, 'node_modules/vitest/vitest.mjs'), 'run'], {
      cwd,
      env,
      timeout: TIMEOUT_MS,
    });
    expect(stdout).toMatch(/3 passed/);
  },
  TIMEOUT_MS,
);

it.each([
  ['node:test', 2],
  ['Members in processes of their own', 1],
])(
  'runs the recipe of %s',
  async (heading, count) => {
    const cwd = projectOf(heading, []);
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], {
      cwd,
      env,
      timeout: TIMEOUT_MS,
    });
    expect(stdout).toMatch(new RegExp(`^# pass ${count}$`, 'm'));
    expect(stdout).toMatch(/^# fail 0$/m);
  },
  TIMEOUT_MS,
);
