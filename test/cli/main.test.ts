// Common to all commands: help, version and usage errors.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { CliRegistry } from './cli-registry.ts';
import { runXlreg } from './xlreg-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const COMMANDS = ['create', 'join', 'members', 'regcred', 'check', 'drain'];

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

it('prints the version of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  for (const flag of ['--version', '-v']) {
    expect(await runXlreg([flag])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  }
});

it.each([['help'], ['--help'], ['-h'], ['help', '-h']])('lists the commands with %s %s', async (...words) => {
  const { code, stdout, stderr } = await runXlreg(words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of ['serve', ...COMMANDS]) expect(stdout).toContain(`xlreg ${command} `);
});

it.each(['serve', ...COMMANDS])('explains %s', async (command) => {
  const { code, stdout } = await runXlreg(['help', command]);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^xlreg ${command} `));
  for (const flag of ['--help', '-h']) {
    expect(await runXlreg([command, flag])).toEqual({ code: 0, stdout, stderr: '' });
  }
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
});

it.each(listCommands())('explains $name at -h', async ({ name }) => {
  expect(await runXlreg([name, '-h'])).toEqual({ code: 0, stdout: await helpFor(name), stderr: '' });
});

describe.each([['completion', 'bash'], ['config', 'show'], ['regcred']])('xlreg %s %s', (...args) => {
  it('ends silently when the reader of its output leaves', async () => {
    const { child, ended } = registry.start(...args);
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 141, stderr: '' });
  });

  it('ends with 1 and a line when its output has no room', () => {
    const full = openSync('/dev/full', 'w');
    const env = { ...process.env, XLREG_REGISTRY: registry.file };
    const ran = spawnSync(process.execPath, [MAIN, ...args], {
      env,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(ran.stderr).toMatch(/^xlreg [a-z]+: cannot write the output: ENOSPC[^\n]*\n$/);
    expect(ran.status).toBe(1);
  });
});

describe('prints one line and ends with 2 for the arguments', () => {
  const create = ['create', 'c', '--size', '2'];
  const join = ['join', 'c', '--name', 'n', '--end-point', '127.0.0.1:1'];
  it.each([
    { args: [], says: 'a command is missing' },
    { args: ['nonsense'], says: 'no command "nonsense"' },
    { args: ['memebrs'], says: 'there is no command "memebrs"; did you mean "members"?' },
    { args: ['create', '--timout', '1'], says: "'--timout'; did you mean --timeout?" },
    { args: ['serve', '--datadir', 'x'], says: "'--datadir'; did you mean --data-dir?" },
    { args: ['serve', '--max-con', '5'], says: 'did you mean --max-connections?' },
    { args: ['help', 'nonsense'], says: 'no command "nonsense"' },
    { args: ['\u001b[2J'], says: 'no command "\\u{1b}[2J"' },
    ...COMMANDS.map((command) => ({ args: [command, '--nonsense'], says: "Unknown option '--nonsense'" })),
    { args: ['serve', '--nonsense'], says: '--nonsense' },
    { args: ['create'], says: 'NAME is missing' },
    { args: ['create', 'c'], says: '--size is missing' },
    { args: ['create', 'c', '--size', 'many'], says: '--size should be a number' },
    { args: ['create', 'c', '--size', '4294967296'], says: '--size should be a number' },
    { args: ['create', '.c', '--size', '2'], says: 'NAME should be' },
    { args: [...create, '--end-points', '3'], says: '--end-points should be 1 or 2' },
    { args: [...create, 'd'], says: 'unexpected argument "d"' },
    { args: [...create, '--transport', 'udp'], says: '--transport should be tcp or ws' },
    { args: [...create, '--transport', 'ws'], says: '--transport ws needs --connect ws://HOST:PORT/xlreg' },
    { args: [...create, '--transport', 'tcp', '--connect', 'ws://127.0.0.1:1'], says: 'not to a WebSocket URL' },
    { args: [...create, '--connect', 'nowhere'], says: '--connect: an address to connect to should be HOST:PORT' },
    { args: [...create, '--dialect', 'dutch'], says: '--dialect should be sealed, prefixed or chained' },
    { args: [...create, '--timeout', '0'], says: '--timeout should be seconds' },
    { args: [...create, '--timeout'], says: "Option '--timeout <value>' argument missing" },
    { args: [...create, '--fingerprint', 'SHA256:abc'], says: '--fingerprint should be SHA256:…' },
    { args: [...create, '--registry', '/nowhere/regCred.dat'], says: '/nowhere/regCred.dat cannot be read: ENOENT' },
    { args: [...create, '--registry', 'http://'], says: '--registry should be a file or http://' },
    { args: ['join', 'c'], says: '--name is missing' },
    { args: ['join', 'c', '--name', '../n'], says: '--name should be' },
    { args: ['join', 'c', '--name', 'n'], says: '--end-point is missing' },
    {
      args: ['join', 'c', '--name', 'n', '--end-point', '127.0.0.1'],
      says: '--end-point: the end point "127.0.0.1" has no port',
    },
    { args: [...join, '--wait', '-1'], says: '--wait' },
    { args: [...join, '--wait', 'long'], says: '--wait should be seconds' },
    { args: ['members'], says: 'NAME or ID is missing' },
    { args: ['members', 'a b'], says: 'NAME should be' },
  ])('$args', async ({ args, says }) => {
    const { code, stdout, stderr } = await registry.run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^xlreg( [a-z]+)?: [^\n]+\n$/);
  });
});

it('reports a file without credentials', async () => {
  const path = join(registry.directory, 'broken.dat');
  await writeFile(path, 'regCred {\n');
  const { code, stderr } = await registry.run('regcred', '--registry', path);
  expect(code).toBe(2);
  expect(stderr).toContain('broken.dat holds no credentials: line 2');
});

it('looks for credentials in ./xlreg-data by default', async () => {
  const { code, stderr } = await runXlreg(['regcred'], { cwd: registry.directory });
  expect(code).toBe(2);
  expect(stderr).toContain('./xlreg-data/regCred.dat cannot be read');
});
