// xlreg create --token, xlreg token, and --token of join and members, with a real registry on lmdb.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRegistry } from '../support/registry-process.ts';
import { CliRegistry } from './cli-registry.ts';
import { runXlreg } from './xlreg-process.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const END_POINT = ['--end-point', '127.0.0.1:1'];
const joins = (cluster: string, member: string, ...args: string[]) =>
  registry.run('join', cluster, '--name', member, ...END_POINT, ...args);
const jsonOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await registry.run(...args, '--json');
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('refused')]);
  return JSON.parse(stdout);
};
const operator = () => ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];

it('creates, hands out, lists and revokes; a lost disk returns by a replacement (A2, A3, A5, A7)', async () => {
  const created = await jsonOf('create', 'c', '--size', '2', '--token', '--uses', '2', '--ttl', '1h');
  const { token } = created;
  expect(created).toMatchObject({ name: 'c', size: 2, token: expect.stringMatching(/^xlj_[\w-]{22}$/) });
  expect((await registry.run('create', 'c', '--size', '2', '--token')).stderr).toContain('cluster admits differently');

  expect((await joins('c', 'alice')).stderr).toContain(
    'the registry refused: join token needed; pass joinToken, --token or XLREG_TOKEN',
  );
  expect((await joins('c', 'alice', '--token', token)).code).toBe(0);
  const env = { XLREG_REGISTRY: registry.file, XLREG_TOKEN: token };
  const byVariable = ['join', 'c', '--name', 'bob', ...END_POINT];
  expect((await runXlreg(byVariable, { cwd: registry.directory, env })).code).toBe(0);
  expect((await joins('c', 'alice')).code).toBe(0);
  expect((await registry.run('members', 'c')).code).toBe(1);

  const listed = await jsonOf('token', 'list', 'c');
  expect(listed.tokens).toMatchObject([{ uses: 2, left: 0, replace: false, observer: false }]);
  const eye = (await registry.run('token', 'add', 'c', '--observer')).stdout.trim();
  expect((await jsonOf('members', 'c', '--token', eye)).members.length).toBe(2);
  const saved = join(registry.directory, 'c.roster');
  expect((await registry.run('members', 'c', '--save', saved)).stderr).toContain('join token needed');
  expect((await registry.run('members', 'c', '--token', eye, '--save', saved)).code).toBe(0);
  expect(JSON.parse(await readFile(saved, 'utf8')).format).toBeDefined();
  expect((await registry.run('token', 'revoke', 'c', listed.tokens[0].hash.slice(0, 12))).code).toBe(0);

  const again = await jsonOf('token', 'add', 'c', '--for', 'bob', '--replace', ...operator());
  expect(again).toMatchObject({ forName: 'bob', replace: true, uses: 1, left: 1 });
  const home = join(registry.directory, 'new-disk');
  const replaced = await jsonOf('join', 'c', '--name', 'bob', ...END_POINT, '--home', home, '--token', again.token);
  expect(replaced).toMatchObject({ index: 1, complete: true });
  expect((await joins('c', 'bob')).stderr).toContain('the registry refused: member has been replaced');
  expect(
    (await jsonOf('token', 'list', 'c', ...operator())).tokens.map(({ left }: { left: number }) => left).sort(),
  ).toEqual((await jsonOf('token', 'list', 'c')).tokens.map(({ left }: { left: number }) => left).sort());

  const lines = (await readFile(join(registry.process.dataDir, 'audit.log'), 'utf8')).trim().split('\n');
  const events = lines.map((line) => JSON.parse(line)).map(({ action, object }) => [action, object.member]);
  const ofTokens = events.filter(([action]) => /join|replace/.test(action));
  expect(ofTokens).toEqual([
    ['join-token-add', undefined],
    ['join', 'alice'],
    ['join-token-use', 'alice'],
    ['join', 'bob'],
    ['join-token-use', 'bob'],
    ['join-token-add', undefined],
    ['join-token-revoke', undefined],
    ['join-token-add', 'bob'],
    ['join', 'bob'],
    ['join-token-use', 'bob'],
    ['replace', 'bob'],
  ]);
  const everything = lines.join('\n') + registry.process.stderr() + registry.process.stdout();
  for (const secret of [token, eye, again.token]) expect(everything).not.toContain(secret.slice(4));
  const hex = Buffer.from(token.slice(4), 'base64url').toString('hex');
  expect(everything).not.toContain(hex);
}, 90_000);

it('keeps tokens, uses and admissions on disk and in a backup, and exports no token (A3)', async () => {
  const at = (name: string) => join(registry.directory, name);
  const first = await startRegistry({ dataDir: at('data'), args: ['--store', 'lmdb'] });
  const to = ({ tcpPort }: typeof first) => [
    ...['--registry', join(at('data'), 'regCred.dat'), '--connect', `127.0.0.1:${tcpPort}`],
  ];
  const { token } = await jsonOf('create', 'kept', '--size', '3', '--token', '--uses', '2', ...to(first));
  expect((await joins('kept', 'dave', '--token', token, ...to(first))).code).toBe(0);
  const before = (await jsonOf('token', 'list', 'kept', ...to(first))).tokens;
  const admin = ['--admin', `127.0.0.1:${first.adminPort}`, '--data-dir', at('data')];
  expect(await registry.run('backup', at('copy'), ...admin)).toMatchObject({ code: 0 });
  expect(await first.stop()).toBe(0);
  expect(await registry.run('restore', at('copy'), '--data-dir', at('restored'))).toMatchObject({ code: 0 });
  const exported = await registry.run('export', '--data-dir', at('restored'));
  expect(exported.code).toBe(0);
  const { hash } = before[0];
  const lines = exported.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const keys = lines.flatMap(({ kind, key }) => (kind === 'entry' && key.includes(hash) ? [key.length / 2] : []));
  expect(keys.sort()).toEqual([33, 35]);
  expect(exported.stdout).not.toContain(Buffer.from(token.slice(4), 'base64url').toString('hex'));

  for (const dataDir of [at('data'), at('restored')]) {
    const again = await startRegistry({ dataDir, args: ['--store', 'lmdb'] });
    expect((await jsonOf('token', 'list', 'kept', ...to(again))).tokens).toEqual(before);
    expect(await jsonOf('join', 'kept', '--name', 'dave', ...END_POINT, ...to(again))).toMatchObject({ index: 0 });
    expect((await joins('kept', 'erin', '--token', token, ...to(again))).code).toBe(0);
    expect((await joins('kept', 'fred', '--token', token, ...to(again))).stderr).toContain('join token used up');
    expect(await again.stop()).toBe(0);
  }
}, 120_000);

it('hides a token of the command line from other users of the machine', async () => {
  const { token } = await jsonOf('create', 'hidden', '--size', '2', '--token');
  const waiting = registry.start('join', 'hidden', '--name', 'carol', ...END_POINT, '--token', token, '--wait', '30');
  await waiting.said(/1 of 2/);
  const seen = await readFile(`/proc/${waiting.child.pid}/cmdline`, 'latin1');
  expect(seen).toContain('xlreg join');
  expect(seen).not.toContain(token.slice(4));
  waiting.child.kill('SIGINT');
  expect((await waiting.ended).stderr).not.toContain(token.slice(4));
});

const WRONG = `xlj_${'!'.repeat(22)}`;
it.each([
  ['a token that is none', ['join', 'c', '--name', 'x', ...END_POINT, '--token', WRONG], '--token has no join token'],
  [
    '--create with a token',
    ['join', 'c', '--name', 'x', ...END_POINT, '--create', '--size', '2', '--token', `xlj_${'A'.repeat(22)}`],
    'anybody may join',
  ],
  [
    'a token in an RSA dialect',
    ['members', 'c', '--token', `xlj_${'A'.repeat(22)}`, '--dialect', 'chained'],
    'needs --dialect sealed',
  ],
  ['--uses without --token', ['create', 'd', '--size', '2', '--uses', '3'], '--token is missing'],
  ['--replace without --for', ['token', 'add', 'c', '--replace'], '--replace needs --for'],
  ['uses of an observer', ['token', 'add', 'c', '--observer', '--uses', '2'], '--observer takes no seat'],
  ['a home without keys', ['token', 'list', 'c', '--home', '/nonexistent'], 'holds no keys'],
  ['another verb', ['token', 'show', 'c'], 'use xlreg token add, list or revoke'],
])('explains %s as wrong usage', async (_, args, text) => {
  const { code, stderr } = await registry.run(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
  expect(stderr).not.toContain('!!!!');
});
