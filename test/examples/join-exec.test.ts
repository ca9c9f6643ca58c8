// The examples of join --exec: the shell script, and the systemd unit, whose command runs here as systemd would run it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
const XLREG = fileURLToPath(new URL('../../xlreg', import.meta.url));
const UNIT = example('systemd/xlreg-member@.service');
const TIMEOUT_MS = 120_000;

let registry: RegistryProcess;
let directory: string;
const running = new Set<ChildProcess>();
beforeAll(async () => {
  registry = await startRegistry();
  directory = mkdtempSync(join(tmpdir(), 'xlreg-examples-'));
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await registry.stop();
  rmSync(directory, { recursive: true });
});

/** A running command with its output so far. */
class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  output = '';

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...{ PATH: process.env.PATH, XDG_STATE_HOME: join(directory, 'state') },
        ...{ XLREG_REGISTRY: join(registry.dataDir, 'regCred.dat'), ...env },
      },
    });
    running.add(this.child);
    this.ended = once(this.child, 'close');
    this.child.stdout!.on('data', (text: Buffer) => {
      this.output += text.toString();
    });
  }
}

it(
  'start.sh runs work.sh once the cluster is complete, and passes SIGTERM on to it',
  async () => {
    const env = { XLREG, CLUSTER: 'shell', SIZE: '2', WAIT: '100' };
    const [alice, bob] = ['alice', 'bob'].map(
      (NAME) => new Running(example('join-exec/start.sh'), [], { ...env, NAME, END_POINT: `10.0.0.1:${NAME.length}` }),
    ) as [Running, Running];
    await until(() => /others: /.test(alice.output) && /others: /.test(bob.output));
    expect(alice.output).toMatch(/^alice (leads|follows) in shell; others: bob=10\.0\.0\.1:3\n$/);
    expect(bob.output).toMatch(/^bob (leads|follows) in shell; others: alice=10\.0\.0\.1:5\n$/);
    expect([alice, bob].filter(({ output }) => output.includes(' leads '))).toHaveLength(1);
    for (const member of [alice, bob]) {
      member.child.kill('SIGTERM');
      expect(await member.ended).toEqual([0, null]);
      expect(member.output).toMatch(/ stops\n$/);
    }
  },
  TIMEOUT_MS,
);

const analyze = (...args: string[]) => spawnSync('systemd-analyze', args, { encoding: 'utf8', timeout: 20_000 });
const version = analyze('--version');
if (version.error) console.log(`SKIPPED, systemd-analyze cannot run here: ${version.error.message}`);

it.skipIf(version.error)('the unit has only directives that systemd knows', () => {
  const { stdout, stderr } = analyze('verify', UNIT);
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !/xlreg is not exec/.test(line));
  expect(complaints).toEqual([]);
});

it(
  'the command of the unit joins, and runs the program',
  async () => {
    const [, line] = /^ExecStart=xlreg (.*)$/m.exec(readFileSync(UNIT, 'utf8'))!;
    const start = (name: string) => {
      const home = join(directory, `unit-${name}`);
      mkdirSync(home, { mode: 0o700 });
      const env: Readonly<Record<string, string>> = {
        ...{ CLUSTER: 'unit', END_POINT: '10.0.0.1:4001', STATE_DIRECTORY: home },
        PROGRAM: 'echo "$XLREG_MEMBER_NAME of $XLREG_CLUSTER"; exit 3',
      };
      // systemd makes one argument of ${NAME}, whatever spaces its value has.
      const args = line!
        .split(' ')
        .map((word) => word.replaceAll('%i', name).replace(/\$\{(\w+)\}/g, (_, name) => env[name]!));
      return new Running(XLREG, args, env);
    };
    const create = spawnSync(XLREG, ['create', 'unit', '--size', '2'], {
      env: { PATH: process.env.PATH, XLREG_REGISTRY: join(registry.dataDir, 'regCred.dat') },
    });
    expect(create.status).toBe(0);
    const members = ['alice', 'bob'].map(start);
    expect(await Promise.all(members.map(({ ended }) => ended))).toEqual([
      [3, null],
      [3, null],
    ]);
    expect(members.map(({ output }) => output)).toEqual(['alice of unit\n', 'bob of unit\n']);
  },
  TIMEOUT_MS,
);
