// The audit log of a real registry: each action of operators and members leaves its line, refused logins one a minute,
// and the newest hash is in a metric and in the server's log.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runXlreg } from '../cli/xlreg-process.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { giveKeys } from '../support/made-keys.ts';
import { startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

interface Line {
  readonly seq: number;
  readonly actor: Readonly<Record<string, unknown>>;
  readonly action: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly outcome: string;
  readonly hash: string;
}

let registry: ClientRegistry;
let token: string;
let file: string;
beforeAll(async () => {
  registry = await ClientRegistry.start();
  token = adminToken(registry.process.dataDir);
  file = join(registry.process.dataDir, 'audit.log');
});
afterAll(() => rm(registry.process.dataDir, { recursive: true, force: true }));

function lines(): Line[] {
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line);
}

async function ask(method: string, path: string, body?: object, secret = token): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${registry.process.adminPort}${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  await response.text();
  return response.status;
}

/** Waits for the next line of an action. */
async function lineOf(action: string, after: number): Promise<Line> {
  let found: Line | undefined;
  await until(() => {
    found = lines().find((line) => line.action === action && line.seq > after);
    return found !== undefined;
  });
  return found!;
}

const OPS = { token: 'local', address: '127.0.0.1' };

it('begins with the file and the start, with the fingerprints of the comms keys', () => {
  expect(lines().slice(0, 2)).toMatchObject([
    { seq: 1, action: 'file-begun', actor: { server: true } },
    { seq: 2, action: 'start', object: { commsKey: expect.stringMatching(/^SHA256:/) } },
  ]);
});

it('has a line for a Create that makes a cluster and a Join that takes a seat, and for no other', async () => {
  const alice = await registry.identify('alice');
  const { clusterId } = await alice.session.create('c', { size: 2 });
  await alice.session.create('c', { size: 2 });
  await alice.session.join('c');
  await alice.session.join('c');
  const bob = await registry.identify('bob');
  await bob.session.join('c');
  registry.closeSessions();
  await until(() => lines().filter(({ action }) => action === 'join').length === 2);
  const seen = lines().filter(({ action }) => ['create', 'join'].includes(action));
  expect(seen).toMatchObject([
    { action: 'create', actor: { address: '127.0.0.1' }, object: { cluster: 'c', id: clusterId }, outcome: 'done' },
    { action: 'join', object: { cluster: 'c', member: 'alice' }, outcome: 'done' },
    { action: 'join', object: { cluster: 'c', member: 'bob' }, outcome: 'done' },
  ]);
  expect(seen[1]!.actor).toEqual({ client: seen[0]!.actor.client, address: '127.0.0.1' });
  expect(seen[2]!.actor.client).not.toBe(seen[1]!.actor.client);
});

it.each([
  ['evict', 'DELETE', '/api/clusters/c/members/bob', undefined, { cluster: 'c', member: 'bob' }, 'done'],
  ['evict', 'DELETE', '/api/clusters/c/members/bob', undefined, { cluster: 'c', member: 'bob' }, 'member-unknown'],
  ['keep', 'POST', '/api/clusters', { name: 'k', size: 3 }, { cluster: 'k', size: 3 }, 'done'],
  ['delete', 'DELETE', '/api/clusters/k', undefined, { cluster: 'k' }, 'done'],
  ['log-level', 'PUT', '/api/log-level', { level: 'debug' }, { level: 'debug' }, 'done'],
  ['log-level', 'PUT', '/api/log-level', { level: 'odd' }, { level: 'odd' }, 'bad-level'],
  ['backup', 'POST', '/backup', undefined, {}, 'backup-failed'],
  ['token-add', 'POST', '/api/tokens', { name: 'r', role: 'read' }, { token: 'r', role: 'read' }, 'done'],
  ['token-revoke', 'DELETE', '/api/tokens/x', undefined, { token: 'x' }, 'token-unknown'],
] as const)('has a line for %s by %s %s', async (action, method, path, body, object, outcome) => {
  const before = lines().at(-1)!.seq;
  await ask(method, path, body);
  expect(await lineOf(action, before)).toMatchObject({ actor: OPS, object, outcome });
});

it('has a line for a rotated token, a role that is too small and signals', async () => {
  const before = lines().at(-1)!.seq;
  const made = await fetch(`http://127.0.0.1:${registry.process.adminPort}/api/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ name: 'viewer', role: 'read' }),
  });
  const { token: viewer } = (await made.json()) as { token: string };
  expect(await ask('DELETE', '/api/clusters/c', undefined, viewer)).toBe(403);
  expect(await lineOf('delete', before)).toMatchObject({
    ...{ actor: { token: 'viewer' }, object: { cluster: 'c', count: 1 }, outcome: 'role-too-small' },
  });
  // A token that may only look fills no log: the further ones are one line, a minute later or at the stop.
  for (let tries = 0; tries < 20; tries++) await ask('DELETE', `/api/clusters/c${tries}`, undefined, viewer);
  expect(await ask('POST', '/api/tokens/local/rotate')).toBe(200);
  token = adminToken(registry.process.dataDir);
  expect(await lineOf('token-rotate', before)).toMatchObject({ actor: OPS, object: { token: 'local' } });
  process.kill(registry.process.pid, 'SIGUSR2');
  expect(await lineOf('log-level', before)).toMatchObject({ actor: { signal: 'SIGUSR2' }, object: { level: 'info' } });
  process.kill(registry.process.pid, 'SIGHUP');
  const reload = { actor: { signal: 'SIGHUP' }, object: { changed: '' }, outcome: 'done' };
  expect(await lineOf('reload', before)).toMatchObject(reload);
});

it('has one line a minute for the refused logins of an address', async () => {
  for (let tries = 0; tries < 5; tries++) await ask('GET', '/api/whoami', undefined, 'wrong');
  const before = lines().at(-1)!.seq;
  await ask('GET', '/api/whoami', undefined, 'wrong');
  expect(await ask('DELETE', '/api/clusters/none')).toBe(404);
  await lineOf('delete', before);
  const refused = lines().filter(({ action }) => action === 'login-refused');
  expect(refused).toMatchObject([{ actor: { address: '127.0.0.1' }, object: { count: 1 }, outcome: 'token-wrong' }]);
});

it('shows its newest hash in one series of a metric, by which verification finds a cut tail', async () => {
  const newest = lines().at(-1)!;
  let series: string[] = [];
  // The metric follows the line when it is synced.
  await until(async () => {
    series = (await registry.process.metrics()).split('\n').filter((line) => line.startsWith('xlreg_audit_newest'));
    return series[0]?.endsWith(` ${newest.seq}`) === true;
  });
  expect(series).toEqual([`xlreg_audit_newest_line{hash="${newest.hash}"} ${newest.seq}`]);
  const args = ['audit', 'verify', '--data-dir', registry.process.dataDir, '--expect', newest.hash];
  expect(await runXlreg(args)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`newest hash: ${newest.hash}`),
  });
  const wrong = await runXlreg([...args.slice(0, -1), '0'.repeat(64)]);
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('the newest lines were cut off') });
});

it('ends with the drain, the rest of the refusals and the stop, whose hash is in the log', async () => {
  const before = lines().at(-1)!.seq;
  await ask('POST', '/drain');
  expect(await registry.process.exited).toBe(0);
  const rest = lines().filter(({ seq }) => seq > before);
  expect(rest.map(({ action }) => action)).toEqual(['drain', 'login-refused', 'delete', 'stop']);
  expect(rest).toMatchObject([
    { actor: OPS },
    { object: { count: 5 } },
    { actor: { token: 'viewer' }, object: { cluster: 'c19', count: 20 }, outcome: 'role-too-small' },
    { actor: { server: true } },
  ]);
  expect(registry.process.stderr()).toContain(`"auditLine":${rest[3]!.seq},"auditHash":"${rest[3]!.hash}"`);
  const { code, stdout } = await runXlreg(['audit', 'verify', file, '--data-dir', registry.process.dataDir, '--json']);
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, sound: true, lost: 0, torn: 0, problem: null });
});

it('names the signal that stops the server', async () => {
  const { dataDir, pid, exited } = await startRegistry();
  try {
    process.kill(pid, 'SIGINT');
    expect(await exited).toBe(0);
    const [drain, end] = readFileSync(join(dataDir, 'audit.log'), 'utf8').trimEnd().split('\n').slice(-2);
    expect([JSON.parse(drain!), JSON.parse(end!)]).toMatchObject([
      { actor: { signal: 'SIGINT' }, action: 'drain', outcome: 'done' },
      { actor: { server: true }, action: 'stop' },
    ]);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('rotates at --audit-file-bytes and keeps --audit-files files', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'xlreg-audit-'));
  await giveKeys(dataDir);
  const small = await startRegistry({ dataDir, args: ['--audit-file-bytes', '4096', '--audit-files', '3'] });
  const headers = { authorization: `Bearer ${adminToken(dataDir)}` };
  const lines = async () => Number(/^xlreg_audit_lines_total (\d+)$/m.exec(await small.metrics())![1]);
  try {
    while (!existsSync(join(dataDir, 'audit.log.4'))) {
      const before = await lines();
      const path = `/api/clusters/${'c'.repeat(100)}${before}`;
      await (await fetch(`http://127.0.0.1:${small.adminPort}${path}`, { method: 'DELETE', headers })).text();
      // A slow disk makes batches, which a file takes whole.
      await until(async () => (await lines()) > before);
    }
    expect(await small.stop()).toBe(0);
    const files = readdirSync(dataDir).filter((name) => name.startsWith('audit.log'));
    expect(files.sort()).toEqual(['audit.log', 'audit.log.3', 'audit.log.4']);
    for (const name of files) expect(statSync(join(dataDir, name)).size).toBeLessThan(5_000);
    const { code, stdout } = await runXlreg(['audit', 'verify', '--data-dir', dataDir]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^sound: \d+ lines in 3 files/) });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

it('counts lines as lost on a full device, and the service goes on', async () => {
  const full = await startRegistry({ args: ['--audit-log', '/dev/full'] });
  const credentials = ['--registry', join(full.dataDir, 'regCred.dat')];
  expect((await runXlreg(['create', 'c', '--size', '2', ...credentials])).code).toBe(0);
  const lost = async () => Number(/^xlreg_audit_lines_lost_total (\d+)$/m.exec(await full.metrics())![1]);
  // The start and the Create.
  await until(async () => (await lost()) >= 2);
  expect(full.stderr().match(/ENOSPC.*the audit log cannot be written: its lines are lost/g)).toHaveLength(1);
  expect((await fetch(`http://127.0.0.1:${full.adminPort}/readyz`)).status).toBe(200);
  expect(await full.stop()).toBe(0);
});

it('can be off', async () => {
  const off = await startRegistry({ args: ['--audit-log', 'off'] });
  try {
    expect(await off.metrics()).not.toContain('xlreg_audit');
    expect(existsSync(join(off.dataDir, 'audit.log'))).toBe(false);
  } finally {
    expect(await off.stop()).toBe(0);
  }
});
