// The names xlreg and xlreg-client belong to nobody in npm's registry. No page, help text or hint may tell people to run
// or install them by name: npx runs a package of that name once it is published, and even `npx --no` and
// `npx --offline` run a copy in npx's cache.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ownCommand } from '../../src/cli/own-command.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const inProject = { cwd: project, maxBuffer: 16 * 1024 * 1024 };

/** Commands that ask a package registry for a name, up to the end of the line or of inline code. */
const FETCHES = [
  /\b(?:npx|bunx)\b[^\n`]*\bxlreg\b/g,
  /\b(?:npm|pnpm|yarn|bun)\s+(?:exec|x|dlx|create|init)\b[^\n`]*\bxlreg\b/g,
  // A tarball has a path: ./packages/xlreg-0.1.0.tgz.
  /\b(?:npm|pnpm|yarn|bun)\s+(?:install|i|add|ci)\b[^\n`]*\sxlreg(?:-client)?(?:@[^\s`]*)?(?=[\s`]|$)/gm,
];
const fetchesIn = (text: string): string[] => FETCHES.flatMap((pattern) => text.match(pattern) ?? []);

it.each([
  ...['npx xlreg serve', 'npx --no-install xlreg', 'npx -y xlreg@1', 'npm exec --offline -- xlreg', 'pnpm dlx xlreg'],
  ...['npm install xlreg', 'npm i -g xlreg-client', 'yarn add xlreg-client@0.1.0', 'Run `npm install xlreg`.'],
])('finds %s', (text) => {
  expect(fetchesIn(text)).toHaveLength(1);
});

it.each(['npm install ./packages/xlreg-0.1.0.tgz', './xlreg serve', 'npx vitest run', 'npm run xlreg'])(
  'accepts %s',
  (text) => {
    expect(fetchesIn(text)).toEqual([]);
  },
);

it('no page, script, example, help text or hint runs or installs a package by its bare name', async () => {
  const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], inProject);
  const files = stdout
    .split('\n')
    .filter((path) => /\.(?:md|mjs|js|ts|json|ya?ml|html|sh|service|1)$|Dockerfile$|^xlreg$/.test(path))
    .filter((path) => !/^test\/|(?:^|\/)package-lock\.json$|^bench\/results\//.test(path));
  expect(files.length).toBeGreaterThan(300);
  const found = await Promise.all(
    files.map(async (path) =>
      fetchesIn(await readFile(resolve(project, path), 'utf8')).map((text) => `${path}: ${text}`),
    ),
  );
  expect(found.flat()).toEqual([]);
});

it('hints name the script of a checkout, the program in node_modules, or the installed command', () => {
  const inFolder = (path: string): string => resolve(process.cwd(), path);
  expect(ownCommand('/any/dist/src/cli/main.js', inFolder('package.json'))).toBe('./package.json');
  expect(ownCommand(inFolder('node_modules/.bin/xlreg'), '/none')).toBe('node_modules/.bin/xlreg');
  for (const installed of ['/usr/local/bin/xlreg', '/usr/lib/xlreg/dist/src/cli/main.js']) {
    expect(ownCommand(installed, '/none')).toBe('xlreg');
  }
});

it("a checkout's script runs its command line from any folder", async () => {
  const { stdout } = await run(resolve(project, 'xlreg'), ['--version'], { cwd: '/' });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
