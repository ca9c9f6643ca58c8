// The JSON of each command against its form in src/cli/json-forms.ts, from a real registry: while it runs, and from its
// files after it has stopped. A key that the form does not have fails.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { helpFor, listCommands } from '../../src/cli/help.ts';
import { outlineOf } from '../../src/cli/help-outline.ts';
import { type FormName, JSON_FORMS } from '../../src/cli/json-forms.ts';
import { giveKeys } from '../support/made-keys.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { type Ran, runXlreg, startXlreg } from './xlreg-process.ts';

/** Commands take seconds on a busy machine. */
const TIMEOUT_MS = 300_000;

let directory: string;
let registry: RegistryProcess;
const at = (name: string) => join(directory, name);
const environment = () => ({ cwd: directory, env: { XLREG_REGISTRY: at('data/regCred.dat') } });
const run = (...args: readonly string[]): Promise<Ran> => runXlreg(args, environment());
const admin = () => ['--admin', `127.0.0.1:${registry.adminPort}`, '--data-dir', at('data')];
const joinAs = (cluster: string, name: string, ...args: readonly string[]) =>
  run('join', cluster, '--name', name, '--end-point', '127.0.0.1:4001', '--json', ...args);

/** The forms that a command has printed. */
const printed = new Set<string>();

/** Runs a command that ends with 0, and returns its object, which is of the form. */
async function prints(name: FormName, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }, `${args.join(' ')}: ${stdout}`).toMatchObject({ code: 0 });
  return matches(name, stdout);
}

function matches(name: FormName, text: string): Record<string, unknown> {
  const parsed = JSON_FORMS[name].safeParse(JSON.parse(text));
  expect(parsed.error, `${name}: ${text}`).toBeUndefined();
  printed.add(name);
  return parsed.data as Record<string, unknown>;
}

/** Checks the error of a command that has ended: one line, the last one of stderr. */
function fails({ code, stderr }: Ran, facts: { readonly code: string; readonly retryable?: boolean }): string {
  const { error } = matches('error', stderr.trimEnd().split('\n').at(-1)!) as unknown as {
    readonly error: { readonly exitCode: number; readonly message: string };
  };
  expect(error, stderr).toMatchObject({ retryable: false, ...facts });
  expect(error.exitCode).toBe(code);
  return error.message;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-json-'));
  await mkdir(at('data'), { mode: 0o700 });
  await giveKeys(at('data'));
  registry = await startRegistry({ dataDir: at('data'), args: ['--store', 'lmdb'] });
}, TIMEOUT_MS);
afterAll(async () => {
  await registry.stop();
  await rm(directory, { recursive: true });
});

it(
  'prints the forms of the commands for clients',
  async () => {
    await prints('create', 'create', 'pair', '--size', '2');
    await prints('create', 'create', 'kept', '--size', '3', '--keep', ...admin());
    const { token } = await prints('create', 'create', 'guarded', '--size', '2', '--token', '--uses', '1');
    expect(token).toMatch(/^xlj_/);
    matches('join', (await joinAs('pair', 'alice', '--label', 'zone=a')).stdout);
    matches('join', (await joinAs('pair', 'bob', '--dialect', 'prefixed')).stdout);
    const { cluster, clusterId } = await prints('members', 'members', 'pair', '--save', at('pair.roster'));
    expect(cluster).toBe('pair');
    expect(await prints('members', 'members', clusterId as string)).not.toHaveProperty('cluster');
    await prints('members', 'members', 'pair', '--dialect', 'chained');
    await prints('verify', 'verify', at('pair.roster'));
    await prints('leave', 'leave', 'pair', '--name', 'alice');
    await prints('regcred', 'regcred');
    await prints('check', 'check');
    const { hash } = await prints('token-add', 'token', 'add', 'guarded', '--ttl', '1h', '--for', 'carol');
    await prints('token-add', 'token', 'add', 'guarded', '--observer', ...admin());
    await prints('token-list', 'token', 'list', 'guarded');
    await prints('token-list', 'token', 'list', 'guarded', ...admin());
    await prints('token-revoke', 'token', 'revoke', 'guarded', hash as string);
  },
  TIMEOUT_MS,
);

it(
  'prints the forms of the commands for a running registry',
  async () => {
    await run('create', 'forming', '--size', '2', '--confirm', '600');
    for (const name of ['dora', 'emil']) expect(await joinAs('forming', name)).toMatchObject({ code: 0 });
    const { clusters } = await prints('clusters', 'clusters', ...admin());
    expect(clusters).toContainEqual(expect.objectContaining({ name: 'forming', forming: expect.anything() }));
    const waiting = startXlreg(
      ['join', 'kept', '--name', 'finn', '--end-point', '127.0.0.1:4001', '--wait', '200', '--json'],
      environment(),
    );
    await waiting.said(/1 of 3/);
    const { sessions } = await prints('sessions', 'sessions', ...admin());
    expect(sessions).toContainEqual(expect.objectContaining({ clientName: 'finn' }));
    waiting.child.kill('SIGTERM');
    fails(await waiting.ended, { code: 'INTERRUPTED', retryable: true });
    await prints('limits', 'limits', ...admin());
    await prints('evict', 'evict', 'pair', 'bob', ...admin());
    await prints('delete', 'delete', 'pair', ...admin());
    await prints('unmark', 'unmark', '--all', ...admin());
    await prints('admin-token-add', 'admin', 'token', 'add', 'night', '--role', 'read', '--ttl', '1h', ...admin());
    await prints('admin-token-list', 'admin', 'token', 'list', ...admin());
    await prints('admin-token-revoke', 'admin', 'token', 'revoke', 'night', ...admin());
    await prints('admin-token-rotate', 'admin', 'token', 'rotate', ...admin());
    await prints('backup', 'backup', at('copied'), ...admin());
  },
  TIMEOUT_MS,
);

it(
  'prints an error object after each kind of failure of a client',
  async () => {
    fails(await run('nothing', '--json'), { code: 'BAD_USAGE' });
    fails(await run('join', 'kept', '--nmae', 'x', '--json'), { code: 'BAD_USAGE' });
    fails(await run('token', '--json'), { code: 'BAD_USAGE' });
    fails(await run('members', 'nowhere', '--json'), { code: 'REFUSED_CLUSTER_UNKNOWN', retryable: true });
    fails(await joinAs('guarded', 'gerd'), { code: 'REFUSED_TOKEN_NEEDED' });
    // A round may still empty a seat.
    const full = fails(await joinAs('forming', 'gerd'), { code: 'REFUSED_CLUSTER_FULL', retryable: true });
    expect(full).toContain('cluster is full');
    fails(await run('members', 'kept', '--json', '--connect', '127.0.0.1:1'), {
      ...{ code: 'UNREACHABLE', retryable: true },
    });
    fails(await run('members', 'kept', '--json', '--fingerprint', '0'.repeat(64)), { code: 'FINGERPRINT_MISMATCH' });
    const late = await run('members', 'kept', '--json', '--wait', '1');
    // On a busy machine the second may be up before there is a connection.
    const { exitCode } = JSON_FORMS.error.parse(JSON.parse(late.stderr.trimEnd().split('\n').at(-1)!)).error;
    if (exitCode === 1) matches('members', late.stdout);
    fails(late, { code: exitCode === 1 ? 'TIME_UP' : 'NO_ANSWER', retryable: true });
    expect((await joinAs('kept', 'hanna', '--dialect', 'chained')).code).toBe(0);
    const unverified = await run('members', 'kept', '--json', '--require-verified');
    matches('members', unverified.stdout);
    expect(fails(unverified, { code: 'NOT_VERIFIED' })).toContain('hanna, is not verified (none');
    const unreached = await run('check', '--json', '--connect', '127.0.0.1:1');
    matches('check', unreached.stdout);
    expect(fails(unreached, { code: 'END_POINTS_NOT_OK', retryable: true })).toMatch(/^127\.0\.0\.1:1: /);
    await writeFile(at('bad.roster'), '{}');
    fails(await run('verify', at('bad.roster'), '--json'), { code: 'ROSTER_FORMAT' });
    await mkdir(at('bad-home'), { mode: 0o700 });
    await writeFile(at('bad-home/member.json'), '{', { mode: 0o600 });
    fails(await joinAs('kept', 'ida', '--home', at('bad-home')), { code: 'HOME_UNUSABLE' });
  },
  TIMEOUT_MS,
);

it(
  'prints an error object after each kind of failure of an operator',
  async () => {
    fails(await run('clusters', '--json', '--admin', '127.0.0.1:1', '--data-dir', at('data')), {
      ...{ code: 'ADMIN_PORT_UNREACHABLE', retryable: true },
    });
    fails(await run('evict', 'nowhere', 'nobody', '--json', ...admin()), {
      code: 'REFUSED_CLUSTER_UNKNOWN',
      retryable: true,
    });
    fails(await run('backup', '-', '--json', ...admin()), { code: 'BAD_USAGE' });
    fails(await run('store', 'verify', '--json', '--data-dir', at('data')), { code: 'BAD_USAGE' });
    fails(await run('restore', at('nothing'), '--json', '--data-dir', at('new')), { code: 'STORE_UNUSABLE' });
    fails(await run('config', 'show', '--json', '--tcp', 'x'), { code: 'SETTINGS_FAULTY' });
    const checked = await run('config', 'check', '--json', '--tcp', 'x');
    expect(matches('config-check', checked.stdout)).toMatchObject({ sound: false });
    fails(checked, { code: 'SETTINGS_FAULTY' });
    const audited = await run('audit', 'verify', at('no.log'), '--json', '--data-dir', at('data'));
    expect(matches('audit-verify', audited.stdout)).toMatchObject({ sound: false });
    fails(audited, { code: 'AUDIT_LOG_UNSOUND' });
  },
  TIMEOUT_MS,
);

it(
  'prints the forms of the commands for the files of a stopped registry',
  async () => {
    await prints('drain', 'drain', ...admin());
    expect(await registry.exited).toBe(0);
    const data = ['--data-dir', at('data')];
    await prints('audit-verify', 'audit', 'verify', ...data);
    await prints('config-show', 'config', 'show', ...data);
    await prints('config-check', 'config', 'check', '--values-only', ...data);
    await prints('store-verify', 'store', 'verify', ...data);
    await mkdir(at('other'), { mode: 0o700 });
    await writeFile(at('other/id'), await readFile(at('data/id')), { mode: 0o600 });
    await prints('store-copy', 'store', 'copy', `lmdb:${at('data')}`, `lmdb:${at('other')}`);
    await prints('restore', 'restore', at('copied'), '--data-dir', at('restored'));
    for (const verb of ['show', 'rotate']) await prints('keys', 'keys', verb, ...data);
    const { stdout } = await run('export', ...data);
    const lines = stdout.trimEnd().split('\n');
    const kinds = lines.map((line) => matches('export', line).kind);
    expect(new Set(kinds)).toEqual(new Set(['registry', 'client', 'cluster', 'member', 'entry']));
  },
  TIMEOUT_MS,
);

it('has printed each form, and each command with --json has one', async () => {
  expect([...printed].toSorted()).toEqual(Object.keys(JSON_FORMS).toSorted());
  const without: string[] = [];
  for (const { name } of listCommands()) {
    const { flags } = outlineOf((await helpFor(name))!);
    const hasForm = Object.keys(JSON_FORMS).some((form) => form === name || form.startsWith(`${name}-`));
    if (!flags.some((flag) => flag.name === 'json')) without.push(name);
    else expect(hasForm, name).toBe(true);
  }
  expect(without).toEqual(['serve', 'export', 'demo', 'completion']);
});
