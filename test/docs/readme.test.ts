// The examples and the list of commands in the README are correct.

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runXlreg } from '../cli/xlreg-process.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const project = resolve(import.meta.dirname, '../..');
const readme = await readFile(join(project, 'README.md'), 'utf8');
const run = promisify(execFile);

let registry: RegistryProcess;
let directory: string;
beforeAll(async () => {
  registry = await startRegistry();
  directory = await mkdtemp(join(tmpdir(), 'xlreg-readme-'));
  await mkdir(join(directory, 'xlreg-data'));
  await cp(join(registry.dataDir, 'regCred.dat'), join(directory, 'xlreg-data/regCred.dat'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

/** Runs a command of the README in the directory that has `xlreg-data`, as its arguments behind `./xlreg`. */
const xlreg = (args: string) => runXlreg(args.split(' '), { cwd: directory });

it("the README's first cluster forms", async () => {
  const block = readme.slice(readme.indexOf('## A first cluster'), readme.indexOf('Both members print'));
  const [create, ...joins] = [...block.matchAll(/^ {4}\.\/xlreg (.*)$/gm)].map(([, args]) => args!);
  expect(joins.length).toBe(2);
  expect(await xlreg(create!)).toMatchObject({ code: 0 });
  for (const ran of await Promise.all(joins.map(xlreg))) {
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('members    2 of 2') });
  }
});

it("the README's library example ends when its command has joined, after the first cluster", async () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)![1]!;
  expect(code.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
  const bobsJoin = /`\.\/xlreg (join pair [^`]*)`/.exec(readme)![1]!;

  // A separate project with xlreg installed.
  await mkdir(join(directory, 'node_modules'), { recursive: true });
  await symlink(project, join(directory, 'node_modules/xlreg'));
  await writeFile(join(directory, 'alice.mjs'), code);
  const [{ stdout }, bob] = await Promise.all([
    run(process.execPath, ['alice.mjs'], { cwd: directory, timeout: 20_000 }),
    xlreg(bobsJoin),
  ]);
  expect(stdout).toContain("alice [ '127.0.0.1:4001' ]");
  expect(stdout).toContain("bob [ '127.0.0.1:4002' ]");
  expect(bob).toMatchObject({ code: 0, stdout: expect.stringContaining('members    2 of 2') });
});

it('the page of commands lists every command', async () => {
  const { stdout } = await run(process.execPath, [join(project, 'dist/src/cli/main.js'), 'help']);
  const commands = [...stdout.matchAll(/^ {2}xlreg ([a-z]+) /gm)]
    .map((match) => match[1]!)
    .filter((name) => name !== 'help');
  expect(commands.length).toBeGreaterThan(5);
  const page = await readFile(join(project, 'docs/reference/commands.md'), 'utf8');
  expect([...page.matchAll(/^## xlreg ([a-z]+)$/gm)].map((match) => match[1]!)).toEqual(commands);
});

it('the help of serve lists every setting', async () => {
  const { SETTING_NAMES } = await import('../../src/config.ts');
  const { stdout } = await run(process.execPath, [join(project, 'dist/src/cli/main.js'), 'help', 'serve']);
  for (const name of SETTING_NAMES) expect(stdout).toContain(`--${name} `);
});
