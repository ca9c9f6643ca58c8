// The recipes of docs/how-to/test-with-a-registry.md run as they stand, in a project that has xlreg installed.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { installPackages } from '../support/tarballs.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(project, 'docs/how-to/test-with-a-registry.md'), 'utf8');
const TIMEOUT_MS = 120_000;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** The variables of a shell: those of the running Vitest would reach the one of a recipe. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|npm_|TEST)/i.test(name)),
);

/** Writes the files of a section into a new project. A file's first line is a comment with its name. */
function projectOf(heading: string, packages: readonly string[]): string {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`) + 1).split(/\n## /, 1)[0]!;
  const files = [...section.matchAll(/```\w+\n(\/\/ (\S+)\n[\s\S]*?)```/g)];
  expect(files.length).toBeGreaterThan(0);
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-recipe-'));
  folders.push(folder);
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  for (const [, text, name] of files) writeFileSync(join(folder, name!), text!);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(project, join(folder, 'node_modules/xlreg'));
  for (const name of packages) symlinkSync(join(project, 'node_modules', name), join(folder, 'node_modules', name));
  return folder;
}

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

function emptyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-jest-'));
  folders.push(folder);
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  return folder;
}
