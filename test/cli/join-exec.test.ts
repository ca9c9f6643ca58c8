// xlreg join --exec: a program that starts once the cluster is complete, gets the roster and signals, and decides the
// exit code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JSON_FORMS } from '../../src/cli/json-forms.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { hasTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';
import { runXlreg, startXlreg } from './xlreg-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const TIMEOUT_MS = 120_000;

/** Prints the program's variables and the roster's file as one JSON object, then ends with 7. */
const PRINTER = `exec '${process.execPath}' -e '
  const { XLREG_ROSTER_FILE, ...env } = process.env;
  const roster = JSON.parse(require("fs").readFileSync(XLREG_ROSTER_FILE, "utf8"));
  const own = Object.entries(env).filter(([name]) => name.startsWith("XLREG_"));
  console.log(JSON.stringify({ file: XLREG_ROSTER_FILE, roster, variables: Object.fromEntries(own) }));
  process.exitCode = 7;'`;

/** Prints each signal that it gets, and ends with 9 at the second one. */
const COUNTER = `exec '${process.execPath}' -e '
  let count = 0;
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(name, () => {
    console.log("got " + name);
    if (++count === 2) process.exit(9);
  });
  console.log("ready " + process.ppid);
  setInterval(() => {}, 1000);'`;

let registry: RegistryProcess;
let directory: string;
beforeAll(async () => {
  registry = await startRegistry();
  directory = await mkdtemp(join(tmpdir(), 'xlreg-exec-'));
});
afterAll(async () => {
  await registry.stop();
  await rm(directory, { recursive: true });
});

const options = (env: Readonly<Record<string, string>> = {}) => ({
  ...{ cwd: directory, timeoutMs: TIMEOUT_MS },
  env: { XLREG_REGISTRY: join(registry.dataDir, 'regCred.dat'), ...env },
});

function joinArgs(cluster: string, name: string, ...more: readonly string[]): string[] {
  return ['join', cluster, '--name', name, '--end-point', '127.0.0.1:4001', '--wait', '100', ...more];
}

/** A complete cluster's member with a program that has said `ready`. */
async function running(cluster: string) {
  const create = ['--create', '--size', '2'];
  const other = runXlreg(joinArgs(cluster, 'other', ...create), options());
  const member = startXlreg(joinArgs(cluster, 'member', ...create, '--exec', COUNTER), options());
  let stdout = '';
  member.child.stdout!.on('data', (text: string) => {
    stdout += text;
  });
  const said = (text: string) => until(() => stdout.includes(text));
  await said('ready');
  expect(await other).toMatchObject({ code: 0 });
  return { child: member.child, ended: member.ended, said };
}

it(
  'starts the program with the roster in a file and no secret, and ends with its exit code',
  async () => {
    const created = await runXlreg(['create', 'guarded', '--size', '2', '--token', '--json'], options());
    const { token } = JSON.parse(created.stdout);
    const secrets = { XLREG_TOKEN: token, XLREG_ETCD_PASSWORD: 'secret' };
    const ended = await Promise.all(
      ['alice', 'bob'].map((name) => runXlreg(joinArgs('guarded', name, '--exec', PRINTER), options(secrets))),
    );
    const seen = ended.map(({ code, stdout, stderr }) => {
      expect({ code, stdout }, stderr).toMatchObject({ code: 7, stdout: expect.stringMatching(/^\{.*\}\n$/) });
      expect(stdout).not.toMatch(/xlj_|secret/);
      return JSON.parse(stdout);
    });
    for (const [place, name] of ['alice', 'bob'].entries()) {
      const { file, roster, variables } = seen[place];
      expect(JSON_FORMS.members.parse(roster)).toMatchObject({
        cluster: variables.XLREG_CLUSTER,
        size: 2,
        complete: true,
      });
      const self = roster.members.find((member: { name: string }) => member.name === name);
      expect(variables).toEqual({
        ...{ XLREG_REGISTRY: join(registry.dataDir, 'regCred.dat'), XLREG_CLUSTER: 'guarded' },
        ...{ XLREG_CLUSTER_ID: roster.clusterId, XLREG_MEMBER_NAME: name, XLREG_MEMBER_ID: self.id },
        ...{ XLREG_INDEX: String(self.index), XLREG_HOME: join(file, '..') },
      });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    }
    expect(seen[0].roster).toEqual(seen[1].roster);
  },
  TIMEOUT_MS,
);

it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'passes each %s on, also a second one',
  async (name) => {
    const { child, said, ended } = await running(`signalled-${name}`);
    child.kill(name);
    await said(`got ${name}`);
    child.kill(name);
    expect((await ended).code).toBe(9);
  },
  TIMEOUT_MS,
);

it(
  'ends with 128 plus the signal that ended the program',
  async () => {
    const create = ['--create', '--size', '2'];
    const other = runXlreg(joinArgs('killed', 'other', ...create), options());
    const ran = await runXlreg(joinArgs('killed', 'member', ...create, '--exec', 'kill -KILL $$'), options());
    expect(ran, ran.stderr).toMatchObject({ code: 137, stdout: '' });
    expect(await other).toMatchObject({ code: 0 });
  },
  TIMEOUT_MS,
);

it('starts nothing in a cluster that is not complete, and nothing without --wait', async () => {
  const args = ['join', 'lonely', '--name', 'a', '--end-point', '127.0.0.1:4001', '--create', '--size', '2'];
  const late = await runXlreg([...args, '--wait', '6', '--exec', 'echo started'], options());
  expect(late).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('time is up') });
  const hasty = await runXlreg([...args, '--exec', 'echo started'], options());
  expect(hasty).toEqual({ code: 2, stdout: '', stderr: 'xlreg join: --exec needs --wait\n' });
}, 60_000);

describe.skipIf(!hasTerminal)('on a terminal', () => {
  it(
    'leaves Ctrl-C to the terminal, so that the program gets it once',
    async () => {
      const create = ['--create', '--size', '2'];
      const other = runXlreg(joinArgs('keyed', 'other', ...create), options());
      const shell = [process.execPath, MAIN, ...joinArgs('keyed', 'member', ...create, '--exec', COUNTER)];
      const quoted = shell.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
      const { cwd, env } = options();
      const terminal = spawn('script', ['-qec', `exec ${quoted}`, '/dev/null'], {
        ...{ cwd, stdio: ['pipe', 'pipe', 'inherit'] },
        env: { PATH: process.env.PATH, XDG_STATE_HOME: join(directory, 'state'), ...env },
      });
      const ended = once(terminal, 'close');
      let text = '';
      terminal.stdout!.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      await until(() => /ready \d+/.test(text));
      terminal.stdin!.write('\x03');
      await until(() => text.includes('got SIGINT'));
      // A second SIGINT by the command would have come before this signal, which passes through it, too.
      process.kill(Number(/ready (\d+)/.exec(text)![1]), 'SIGTERM');
      const [code] = await ended;
      expect({ code, got: text.match(/got \w+/g) }).toEqual({ code: 9, got: ['got SIGINT', 'got SIGTERM'] });
      expect(await other).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );
});
