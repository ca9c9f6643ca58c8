// The recipe for Jest in docs/how-to/test-with-a-registry.md, with Jest from npm's registry.
import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { installPackages } from '../support/tarballs.ts';
import { emptyProject, env, projectOf } from '../testing/recipe-project.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

it('runs the recipe of Jest', async ({ skip }) => {
  const cwd = projectOf('Jest', []);
  const installed = emptyProject();
  if (!(await installPackages(installed, ['jest@30']))) return skip('npm cannot install jest');
  for (const name of ['jest', '@jest'])
    symlinkSync(join(installed, 'node_modules', name), join(cwd, 'node_modules', name));
  const jest = join(installed, 'node_modules/jest/bin/jest.js');
  const { stderr } = await run(process.execPath, ['--experimental-vm-modules', jest], {
    cwd,
    env,
    timeout: TIMEOUT_MS,
  });
  expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
}, 300_000);
