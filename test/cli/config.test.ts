// xlreg config show and check: the origin of each setting, and each fault of any source.
import { execFileSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startRegistry } from '../support/registry-process.ts';
import { runXlreg } from './xlreg-process.ts';

/** Settings that need no free port. */
const NO_PORTS = { tcp: 'off', ws: 'off', admin: 'off' };

let cwd: string;
let taken: Server;
let takenPort: number;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'xlreg-config-'));
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  takenPort = (taken.address() as AddressInfo).port;
});
afterAll(async () => {
  taken.close();
  await rm(cwd, { recursive: true, force: true });
});

async function write(content: unknown): Promise<void> {
  await writeFile(join(cwd, 'c.json'), typeof content === 'string' ? content : JSON.stringify(content));
}

/** Runs `config check c.json`; `lines` are those of standard output, sorted. */
async function check(
  content: unknown,
  { env = {}, args = [] }: { env?: Record<string, string>; args?: string[] } = {},
) {
  await write(content);
  const { code, stdout, stderr } = await runXlreg(['config', 'check', 'c.json', ...args], { cwd, env });
  return { code, lines: stdout.trimEnd().split('\n').toSorted(), stderr };
}

describe('xlreg config check', () => {
  it('calls settings sound, or prints one line per fault of any source', async () => {
    expect(await check({ ...NO_PORTS, 'max-clusters': 5 })).toEqual({ code: 0, lines: ['c.json: sound'], stderr: '' });
    const faulty = { tcp: 'nowhere', 'max-clusters': 0, 'odd\u001b': 1, datadir: 'x', workers: 0 };
    const env = { XLREG_DATADIR: 'x', XLREG_WORKERS: '2', XLREG_WS: '', XLREG_COLOUR: 'red' };
    const { code, lines, stderr } = await check(faulty, { env, args: ['--admin', 'nowhere'] });
    expect(code).toBe(1);
    expect(lines).toEqual(
      [
        '--admin: should be HOST:PORT or off',
        'XLREG_DATADIR: there is no such variable; did you mean XLREG_DATA_DIR?',
        'XLREG_WS: should be HOST:PORT or off',
        'c.json: max-clusters: should be a whole number, 1 to 100000000',
        'c.json: tcp: should be HOST:PORT or off',
        'c.json: unknown key "odd\\\\u001b"',
        'c.json: unknown key "datadir"; did you mean "data-dir"?',
        'c.json: workers: should be a whole number, 1 to 256',
      ].toSorted(),
    );
    expect(stderr).toBe('note: XLREG_COLOUR: it is no setting, and is ignored\n');
  });

  it('finds a key that is there twice, also if it is escaped', async () => {
    const { code, lines } = await check('{"tcp":"off","ws":"off","admin":"off","name":"a:{\\"","n\\u0061me":"b"}');
    expect({ code, lines }).toEqual({ code: 1, lines: ['c.json: the key "name" is there more than once'] });
  });

  it('finds ports that clash, that are taken, and addresses of other machines', async () => {
    const faulty = { tcp: '0.0.0.0:47113', ws: '127.0.0.1:47113', admin: `127.0.0.1:${takenPort}` };
    expect(await check(faulty)).toMatchObject({
      code: 1,
      lines: [
        `c.json: admin: 127.0.0.1:${takenPort} is in use`,
        'c.json: ws: 127.0.0.1:47113 is also the port of c.json: tcp',
      ],
    });
    const port = await freePort();
    const { address, family } = await lookup('localhost');
    const ws = `${family === 6 ? `[${address}]` : address}:${port}`;
    expect((await check({ ...NO_PORTS, tcp: `localhost:${port}`, ws })).lines).toEqual([
      `c.json: ws: ${ws} is also the port of c.json: tcp`,
    ]);
    expect((await check({ ...NO_PORTS, tcp: '192.0.2.1:47113' })).lines).toEqual([
      'c.json: tcp: 192.0.2.1:47113 is no address of this machine',
    ]);
    expect((await check(faulty, { args: ['--values-only'] })).code).toBe(0);
  });

  it('takes the ports of a registry that runs on the data directory for no fault', async () => {
    const registry = await startRegistry({ args: ['--store', 'memory'] });
    const { dataDir, tcpPort } = registry;
    const content = { ...NO_PORTS, 'data-dir': dataDir, tcp: `127.0.0.1:${tcpPort}` };
    expect(await check(content)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`:${tcpPort} is in use: a registry runs on`),
    });
    expect((await check({ ...content, 'data-dir': cwd })).code).toBe(1);
    await registry.stop();
  });

  it('loads certificates, and finds one that does not fit or has expired', async () => {
    const make = (name: string, days: string) =>
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-subj',
          '/CN=a',
        ].concat([...['-days', days, '-keyout', join(cwd, `${name}.key`), '-out', join(cwd, `${name}.pem`)]]),
        { stdio: 'ignore' },
      );
    make('a', '90');
    make('b', '3');
    const tls = (cert: string, key: string) => ({ ...NO_PORTS, 'ws-tls': `${cert}.pem,${key}.key` });
    expect(await check(tls('a', 'a'))).toMatchObject({ code: 0, stderr: '' });
    expect(await check(tls('b', 'b'))).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('certificate expires on'),
    });
    expect((await check(tls('a', 'b'))).lines).toEqual([
      expect.stringContaining('c.json: ws-tls: cannot use certificate a.pem'),
    ]);
    const missing = { ...tls('a', 'none'), 'etcd-tls': 'none.pem', 'admin-tls': 'none.pem,none.key' };
    expect((await check(missing)).lines).toEqual([
      expect.stringMatching(/^c\.json: admin-tls: .*ENOENT/),
      expect.stringMatching(/^c\.json: etcd-tls: ENOENT/),
      expect.stringMatching(/^c\.json: ws-tls: .*ENOENT/),
    ]);
  });

  it('finds settings that a start refuses together', async () => {
    const content = { ...NO_PORTS, store: 'memory', 'backup-dir': cwd };
    expect(await check(content)).toMatchObject({
      code: 1,
      lines: ['c.json: backup-dir: needs --store lmdb; with --store memory nothing is stored'],
    });
    const inside = { ...NO_PORTS, 'data-dir': 'd', 'backup-dir': 'd/backups' };
    expect(await check(inside)).toMatchObject({ code: 1, lines: [expect.stringMatching(/^c\.json: backup-dir: /)] });
  });

  it('notes a backup directory that does not exist', async () => {
    expect(await check({ ...NO_PORTS, 'data-dir': 'd', 'backup-dir': join(cwd, 'none') })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('none does not exist; until it does, backups fail'),
    });
  });

  it('refuses an unreadable file, a file without an object and an unknown subcommand', async () => {
    expect(await check('[')).toMatchObject({ code: 1 });
    expect(await check('[]')).toMatchObject({ code: 1, lines: [expect.stringContaining('should hold an object')] });
    expect((await runXlreg(['config', 'check', 'none.json'], { cwd })).code).toBe(1);
    expect((await runXlreg(['config', 'look', 'c.json'], { cwd })).code).toBe(2);
  });
});

describe('xlreg config show', () => {
  it('prints the value in effect and its origin: flag, environment, file, default', async () => {
    await write({ ws: '127.0.0.1:1', tcp: '127.0.0.1:2', admin: '127.0.0.1:3', name: 'n' });
    const env = { XLREG_TCP: '127.0.0.1:4', XLREG_ADMIN: '127.0.0.1:5', XLREG_CONFIG: 'c.json' };
    const { code, stdout, stderr } = await runXlreg(['config', 'show', '--json', '--admin', 'off'], { cwd, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { file, settings } = JSON.parse(stdout);
    expect(file).toBe('c.json');
    expect(settings).toMatchObject({
      admin: { value: 'off', source: 'flag', from: '--admin' },
      tcp: { value: '127.0.0.1:4', source: 'environment', from: 'XLREG_TCP' },
      ws: { value: '127.0.0.1:1', source: 'file', from: 'c.json' },
      'max-clusters': { value: 1_000_000, source: 'default', from: 'default' },
    });
    const lines = (await runXlreg(['config', 'show', '--changed'], { cwd, env })).stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(/ +/))).toEqual([
      ['SETTING', 'VALUE', 'FROM'],
      ['name', 'n', 'c.json'],
      ['tcp', '127.0.0.1:4', 'XLREG_TCP'],
      ['ws', '127.0.0.1:1', 'c.json'],
      ['admin', '127.0.0.1:5', 'XLREG_ADMIN'],
    ]);
  });

  it('prints no secret, and no faulty value, which may be one', async () => {
    const env = { XLREG_ETCD_PASSWORD: 'geheim', XLREG_STORE: 'etcd:user:geheim@host:1' };
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await runXlreg(['config', 'show', ...json], { cwd, env });
      expect(code).toBe(1);
      expect(stdout + stderr).not.toContain('geheim');
      expect(stdout).toContain('XLREG_ETCD_PASSWORD');
    }
  });
});
