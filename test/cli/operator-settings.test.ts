// Operators' commands take flags, environment and configuration file as xlreg serve does, and trust --cacert.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { runXlreg } from './xlreg-process.ts';

let directory: string;
let plain: RegistryProcess;
let tls: RegistryProcess;
const at = (name: string) => join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-operator-'));
  const subject = ['-subj', '/CN=a', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('a.key')];
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-out', at('a.pem')], { stdio: 'ignore' });
  plain = await startRegistry();
  tls = await startRegistry({ args: ['--admin-tls', `${at('a.pem')},${at('a.key')}`] });
});
afterAll(async () => {
  await Promise.all([plain.stop(), tls.stop()]);
  await rm(directory, { recursive: true });
});

const run = (args: string[], env: Record<string, string> = {}) => runXlreg(args, { cwd: directory, env });

it('finds the registry by the environment alone, as in the image', async () => {
  const env = { XLREG_DATA_DIR: plain.dataDir, XLREG_ADMIN: `0.0.0.0:${plain.adminPort}` };
  for (const args of [['clusters'], ['sessions'], ['keys', 'show'], ['regcred']]) {
    expect(await run(args, env), args[0]).toMatchObject({ code: 0, stderr: '' });
  }
});

/** Each command that asks the admin port, and a word of its answer. A refusal comes from the registry, too. */
const ASKING: readonly (readonly [args: string[], answer: RegExp])[] = [
  [['clusters'], /^NAME/],
  [['sessions'], /^CONNECTION/],
  [['limits'], /max-clusters/],
  [['create', 'kept', '--size', '2', '--keep'], /kept +yes/],
  [['evict', 'none', 'bob'], /refused: there is no such cluster/],
  [['delete', 'none'], /refused: there is no such cluster/],
  [['unmark', '--all'], /unmarked/],
  [['admin', 'token', 'list'], /^NAME +ROLE/],
  [['backup', '-'], /the registry made no backup/],
];

/** Each command that reads the data directory of a running registry, or says that one runs on it. */
const READING: readonly (readonly [args: string[], answer: RegExp])[] = [
  [['keys', 'show'], /comms key/],
  [['audit', 'verify'], /^sound/],
  [['store', 'verify'], /in use by/],
  [['export'], /in use by/],
];

it.each([...ASKING, ...READING])('%j takes the environment, the file and --cacert', async (args, answer) => {
  const settings = { 'data-dir': tls.dataDir, admin: `127.0.0.1:${tls.adminPort}`, 'admin-tls': 'a.pem,a.key' };
  await writeFile(at('tls.json'), JSON.stringify(settings));
  const environment = { XLREG_DATA_DIR: tls.dataDir, XLREG_ADMIN: `https://127.0.0.1:${tls.adminPort}` };
  const asks = ASKING.some(([asking]) => asking === args);
  const found = [
    await run(args, { ...environment, XLREG_CACERT: 'a.pem' }),
    await run([...args, '--config', 'tls.json', ...(asks ? ['--cacert', 'a.pem'] : [])]),
    await run(args, { XLREG_CONFIG: 'tls.json', XLREG_CACERT: 'a.pem' }),
  ];
  for (const { stdout, stderr } of found) expect(stdout + stderr).toMatch(answer);
});

it('finds the registry by the configuration file, of --config or XLREG_CONFIG, whatever else is in it', async () => {
  const settings = { 'data-dir': plain.dataDir, admin: `127.0.0.1:${plain.adminPort}`, tcp: 'faulty', odd: 1 };
  await writeFile(at('c.json'), JSON.stringify(settings));
  expect(await run(['clusters', '--config', 'c.json'])).toMatchObject({ code: 0, stderr: '' });
  expect(await run(['keys', 'show'], { XLREG_CONFIG: 'c.json' })).toMatchObject({ code: 0 });
  const file = ['--config', 'c.json'];
  // The environment wins over the file, a flag over the environment.
  const wrong = { XLREG_ADMIN: '127.0.0.1:1' };
  expect(await run(['clusters', ...file], wrong)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('127.0.0.1:1'),
  });
  const flag = ['--admin', `127.0.0.1:${plain.adminPort}`];
  expect(await run(['clusters', ...file, ...flag], wrong)).toMatchObject({ code: 0 });
});

it('names each flag that leads to the admin token, if there is none in ./xlreg-data', async () => {
  const { code, stderr } = await run(['clusters', '--admin', `127.0.0.1:${plain.adminPort}`]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/--data-dir, --config or --token-file\n$/),
  });
});

it('gives up on an admin port that takes connections and does not reply', async () => {
  const silent = createTcpServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const admin = ['--admin', `127.0.0.1:${(silent.address() as AddressInfo).port}`, '--data-dir', plain.dataDir];
  const [clusters, drain] = await Promise.all([run(['clusters', ...admin]), run(['drain', '--json', ...admin])]);
  expect(clusters).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('did not reply within 15 s: it hangs, or'),
  });
  expect(drain).toMatchObject({ code: 3, stderr: expect.stringContaining('"code":"ADMIN_PORT_SILENT"') });
  silent.close();
});

it('names the file of a token that is refused', async () => {
  await writeFile(at('wrong-token'), 'wrong\n');
  const args = ['clusters', '--admin', `127.0.0.1:${plain.adminPort}`, '--token-file', 'wrong-token'];
  expect(await run(args)).toMatchObject({
    code: 1,
    stderr: 'xlreg clusters: the registry refused: the admin token is missing or wrong; it was read from wrong-token\n',
  });
});

it('says which setting turns the admin port off, or is faulty', async () => {
  const env = { XLREG_DATA_DIR: plain.dataDir };
  expect(await run(['clusters'], { ...env, XLREG_ADMIN: 'off' })).toEqual({
    code: 2,
    stdout: '',
    stderr: 'xlreg clusters: XLREG_ADMIN turns the admin port off: this command needs it\n',
  });
  expect(await run(['drain', '--admin', '0.0.0.0:0'], env)).toMatchObject({ code: 2 });
  expect(await run(['clusters'], { ...env, XLREG_ADMIN: 'x' })).toMatchObject({
    code: 2,
    stderr: 'xlreg clusters: XLREG_ADMIN: should be HOST:PORT or off\n',
  });
  expect(await run(['keys', 'show', '--config', 'none.json'])).toMatchObject({ code: 2 });
});

it('trusts the authority of --cacert or XLREG_CACERT, and says so without it', async () => {
  const admin = ['--admin', `https://127.0.0.1:${tls.adminPort}`, '--data-dir', tls.dataDir];
  const untrusted = await run(['clusters', ...admin]);
  expect(untrusted).toMatchObject({ code: 3, stderr: expect.stringContaining('pass --cacert FILE') });
  expect(await run(['clusters', ...admin, '--cacert', 'a.pem'])).toMatchObject({ code: 0, stderr: '' });
  expect(await run(['clusters', ...admin], { XLREG_CACERT: 'a.pem' })).toMatchObject({ code: 0 });
  expect(await run(['clusters', ...admin, '--cacert', 'none.pem'])).toMatchObject({ code: 2 });
  // The setting of the server tells the scheme.
  const env = { XLREG_ADMIN_TLS: 'a.pem,a.key', XLREG_ADMIN: `127.0.0.1:${tls.adminPort}`, XLREG_CACERT: 'a.pem' };
  expect(await run(['clusters', '--data-dir', tls.dataDir], env)).toMatchObject({ code: 0 });
  const drained = await run(['drain', '--data-dir', tls.dataDir], env);
  expect(drained).toMatchObject({ code: 0, stdout: 'drained\n' });
});

it('says in one line that no registry answers there, whatever the page behind the port is', async () => {
  const page = '<html>\n\u001b[2Jlog in</html>\n'.repeat(99);
  const other = createServer(({ url }, response) => {
    response.statusCode = url === '/api/limits' ? 200 : 502;
    response.end(page);
  });
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  for (const [command, status] of [
    ['limits', 200],
    ['clusters', 502],
    ['drain', 502],
  ] as const) {
    expect(await run([command, '--admin', url, '--data-dir', plain.dataDir])).toEqual({
      code: 1,
      stdout: '',
      stderr: `xlreg ${command}: ${url} answers ${status}, but not as a registry does: is it the admin port?\n`,
    });
  }
  other.close();
});

it('says so, too, if JSON of another program answers', async () => {
  const other = createServer((_, response) => response.end('{"tokens":[{}],"limits":[],"sessions":[null]}'));
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const commands = [
    ...[['clusters'], ['sessions'], ['limits'], ['drain'], ['evict', 'demo', 'ann'], ['delete', 'demo']],
    ...[
      ['unmark', '--all'],
      ['backup', 'copy'],
      ['create', 'demo', '--size', '3', '--keep'],
      ['token', 'list', 'demo'],
    ],
    ...['list', 'rotate', 'revoke ann', 'add ann --role read'].map((words) => ['admin', 'token', ...words.split(' ')]),
  ];
  const results = await Promise.all(
    commands.map((command) => run([...command, '--admin', url, '--data-dir', plain.dataDir])),
  );
  const expected = commands.map(([command]) => ({
    ...{ code: 1, stdout: '' },
    stderr: `xlreg ${command}: ${url} answers 200, but not as a registry does: is it the admin port?\n`,
  }));
  expect(results).toEqual(expected);
  other.close();
});

it.each([200, 502])('ends at a reply of status %i without an end', async (status) => {
  const piece = Buffer.alloc(1024 * 1024, ' ');
  const endless = createServer((_, response) => {
    response.writeHead(status);
    const send = () => {
      while (response.writable && response.write(piece));
    };
    response.on('drain', send);
    send();
  });
  await once(endless.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
  expect(await run(['clusters', '--admin', url, '--data-dir', plain.dataDir])).toMatchObject({
    code: 1,
    stderr: `xlreg clusters: ${url} answers ${status}, but not as a registry does: is it the admin port?\n`,
  });
  endless.close();
});

it('says that an unknown cluster may come, but no unknown ID (as in the client library)', async () => {
  const admin = ['--admin', `127.0.0.1:${plain.adminPort}`, '--data-dir', plain.dataDir, '--json'];
  const ran = await Promise.all(['demo', `id:${'0'.repeat(64)}`].map((cluster) => run(['delete', cluster, ...admin])));
  const errors = ran.map(({ stderr }) => JSON.parse(stderr).error);
  expect(errors).toMatchObject([
    { code: 'REFUSED_CLUSTER_UNKNOWN', retryable: true },
    { code: 'REFUSED_CLUSTER_UNKNOWN', retryable: false },
  ]);
});

it('takes the data directory and the token file of the environment', async () => {
  for (const args of [['store', 'verify'], ['export']]) {
    const { code, stderr } = await run(args, { XLREG_DATA_DIR: at('elsewhere') });
    expect(code, args[0]).not.toBe(0);
    expect(stderr).toContain(at('elsewhere'));
  }
  const admin = { XLREG_ADMIN: `127.0.0.1:${plain.adminPort}`, XLREG_TOKEN_FILE: join(plain.dataDir, 'admin-token') };
  expect(await run(['clusters'], admin)).toMatchObject({ code: 0 });
});
