// Commands for operators: backup, restore, store verify, export.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { FieldRegistry, type Registered, type Wire } from '../field/field-registry.ts';
import { cluster, contents, entry, plain } from '../store/store-contract.ts';
import { runXlreg } from './xlreg-process.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const LMDB = ['--store', 'lmdb'];

let directory: string;
let registry: FieldRegistry;
let alice: Registered;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-store-cli-'));
  registry = await FieldRegistry.start({ args: LMDB, dataDir: join(directory, 'data') });
  alice = await registry.register(WIRE, { name: 'alice', attrs: 2n ** 63n });
  await alice.client.create('demo', 3);
  await alice.client.join('demo');
});
afterAll(async () => {
  await registry.stop();
  rmSync(directory, { recursive: true });
});

const at = (name: string) => join(directory, name);
const admin = () => `127.0.0.1:${registry.process.adminPort}`;
const backup = (to: string) => runXlreg(['backup', at(to), '--admin', admin(), '--data-dir', at('data')]);

describe('backup and restore', () => {
  it('copy a running registry with its clusters and members', async () => {
    expect(await backup('copy')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/1 clients, 1 clusters, 1 members/),
    });
    for (const name of ['ck.pem', 'sk.pem', 'id', 'table/data.mdb']) {
      expect(statSync(at(`copy/${name}`)).mode & 0o777).toBe(0o600);
    }
    expect(existsSync(at('data/backup.new'))).toBe(false);
    // Later joins are not in the backup.
    const bob = await registry.register(WIRE, { name: 'bob' });
    await bob.client.join('demo');

    expect((await runXlreg(['restore', at('copy'), '--data-dir', at('restored')])).code).toBe(0);
    const restored = await FieldRegistry.start({ args: LMDB, dataDir: at('restored') });
    expect(restored.file.id).toEqual(registry.file.id);
    const client = await restored.connect(WIRE);
    expect(await client.identifyById(alice.clientId, alice.keys)).toMatchObject({ clientAttrs: 2n ** 63n });
    const { clusterId } = await client.join('demo');
    expect((await client.getCluster(clusterId)).tokens.map(({ name }) => name)).toEqual(['alice']);
    expect(await restored.stop()).toBe(0);
  });

  it('overwrite no file', async () => {
    writeFileSync(at('full'), '');
    expect((await runXlreg(['restore', at('copy'), '--data-dir', at('data')])).code).toBe(2);
    expect(await backup('data')).toMatchObject({ code: 2, stderr: expect.stringContaining('is not empty') });
  });

  it('report a missing registry and a missing backup', async () => {
    const nobody = await runXlreg(['backup', at('none'), '--admin', '127.0.0.1:1', '--data-dir', at('data')]);
    expect(nobody).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^xlreg backup: no registry answers at .*\n$/),
    });
    expect((await runXlreg(['restore', at('none'), '--data-dir', at('x')])).code).toBe(1);
  });

  it('refuse requests with a foreign origin and GET', async () => {
    const url = `http://${admin()}/backup`;
    expect((await fetch(url, { method: 'POST', headers: { origin: 'http://example.org' } })).status).toBe(403);
    expect((await fetch(url)).status).toBe(405);
  });
});

describe('a cluster with entries', () => {
  const records = [
    cluster('forming', 0xc0, { confirmMs: 15_000, owner: 'ab'.repeat(32) }),
    entry(0xc0, '01', Uint8Array.of(1, 2, 3)),
    entry(0xc0, 'ff'.repeat(66), new Uint8Array(16_384).fill(7)),
  ];
  const withStore = async <T>(name: string, use: (store: LmdbStore) => Promise<T>): Promise<T> => {
    const registryId = readFileSync(at(`${name}/id`), 'utf8').trim();
    const store = LmdbStore.open(at(name), { registryId, bytesMax: undefined });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  };

  it('keeps them through a running registry, its backup, the restore, verify and export', async () => {
    const first = await FieldRegistry.start({ args: LMDB, dataDir: at('forming') });
    expect(await first.stop()).toBe(0);
    await withStore('forming', (store) => store.commit([records]));
    const running = await FieldRegistry.start({ args: LMDB, dataDir: at('forming') });
    const from = `127.0.0.1:${running.process.adminPort}`;
    const copied = await runXlreg(['backup', at('forming-copy'), '--admin', from, '--data-dir', at('forming')]);
    expect(copied).toMatchObject({ code: 0, stdout: expect.stringMatching(/0 clients, 1 clusters, 0 members/) });
    expect(await running.stop()).toBe(0);

    const restored = await runXlreg(['restore', at('forming-copy'), '--data-dir', at('forming-restored')]);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect((await runXlreg(['store', 'verify', '--data-dir', at('forming-restored')])).code).toBe(0);
    const exported = await runXlreg(['export', '--json', '--data-dir', at('forming-restored')]);
    const lines = exported.stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...records[0], attrs: '0' },
      ...records.slice(1).map(plain),
    ]);
    expect(await withStore('forming-restored', contents)).toEqual(records.map(plain));
  });
});

describe('store verify and export', () => {
  it.each([
    ['store', 'verify'],
    ['export', '--json'],
    ['store', 'copy', 'lmdb:data', 'lmdb:new'],
  ])('refuse the table of a running registry: %s %s', async (...args) => {
    const inPlace = args.map((word) => word.replace('lmdb:', `lmdb:${directory}/`));
    expect(await runXlreg([...inPlace, '--data-dir', at('data')])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/is in use by the process with pid \d+ .* make a copy with xlreg backup/),
    });
    expect(existsSync(at('data/lock'))).toBe(true);
  });

  it('read the table of a backup and release its lock', async () => {
    await backup('looked-at');
    const sound = await runXlreg(['store', 'verify', '--data-dir', at('looked-at')]);
    expect(sound).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^sound: \d clients, 1 clusters, \d members\n$/),
    });
    const { stdout } = await runXlreg(['export', '--json', '--data-dir', at('looked-at')]);
    expect(existsSync(at('looked-at/lock'))).toBe(false);
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const [client] = records.filter(({ clientId }) => clientId === alice.clientId.toString('hex'));
    expect(client).toMatchObject({
      kind: 'client',
      name: 'alice',
      attrs: String(2n ** 63n),
      endPoints: ['127.0.0.1:4001'],
    });
    expect(records).toContainEqual(expect.objectContaining({ kind: 'cluster', name: 'demo', size: 3 }));
    expect(records).toContainEqual(expect.objectContaining({ kind: 'member', name: 'alice', index: 0 }));
    expect(stdout).not.toContain('PRIVATE');
  });

  it('report in one line a directory without a table', async () => {
    writeFileSync(at('file'), '');
    const ran = await runXlreg(['store', 'verify', '--data-dir', at('file')]);
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(/^xlreg store: there is no table in .*\n$/) });
  });

  it('name the damaged record of a table', async () => {
    await backup('damaged');
    const file = at('damaged/table/data.mdb');
    const bytes = readFileSync(file);
    const place = bytes.indexOf(alice.keys.sigKey);
    expect(place).toBeGreaterThan(0);
    bytes[place + 100]! ^= 1;
    writeFileSync(file, bytes);
    const damaged = await runXlreg(['store', 'verify', '--data-dir', at('damaged')]);
    expect(damaged).toMatchObject({ code: 1, stderr: expect.stringMatching(/the record [0-9a-f]+ is damaged/) });
    const refused = await runXlreg([
      'serve',
      '--data-dir',
      at('damaged'),
      '--tcp',
      'off',
      '--ws',
      'off',
      '--admin',
      'off',
    ]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/the record [0-9a-f]+ is damaged/) });
  });
});
