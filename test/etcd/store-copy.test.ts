// xlreg store copy between a data directory and a real etcd: a complete copy, or one that no server opens.

import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import { fillTable } from '../../bench/store/fill-table.ts';
import { CopyClaim } from '../../src/store/etcd/etcd-claim.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { samplesOf } from '../metrics/metrics-text.ts';
import { all, cluster, entry, plain } from '../store/store-contract.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { endPointsOf, newPrefix } from './stores.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const MEMBERS = 2_500;
const ENTRIES = [
  cluster('forming', 0xc0, { confirmMs: 15_000, owner: 'ab'.repeat(32) }),
  entry(0xc0, '01', Uint8Array.of(1, 2, 3)),
  entry(0xc0, 'ff'.repeat(66), new Uint8Array(16_384).fill(7)),
];
const programs = etcdPrograms();

describe.skipIf(programs === undefined)('xlreg store copy', () => {
  let etcd: EtcdCluster;
  let directory: string;
  let place: string;
  let registryId: string;
  const at = (name: string) => join(directory, name);
  const copy = (from: string, to: string, prefix: string) =>
    runXlreg(['store', 'copy', from, to, '--etcd-prefix', prefix, '--data-dir', at('data')]);

  beforeAll(async () => {
    etcd = await EtcdCluster.start({ program: programs!.etcd, flags: ['--unsafe-no-fsync'] });
    directory = await mkdtemp(join(tmpdir(), 'xlreg-etcd-copy-'));
    place = `etcd:${endPointsOf(etcd).join(',')}`;
    const registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir: at('data') });
    registryId = (await readFile(join(at('data'), 'id'), 'utf8')).trim();
    const alice = await registry.register(WIRE, { name: 'alice' });
    await alice.client.create('demo', 3);
    await alice.client.join('demo');
    expect(await registry.stop()).toBe(0);
    await fillTable(at('data'), registryId, MEMBERS);
    const store = LmdbStore.open(at('data'), { registryId, bytesMax: undefined });
    const outcomes = await store.commit(ENTRIES);
    await store.close();
    expect(outcomes.map(({ kind }) => kind)).toEqual(['stored', 'stored', 'stored']);
  });
  afterAll(async () => {
    await etcd.stop();
    await rm(directory, { recursive: true });
  });

  it('copies a table to etcd, where a server serves it, and back unchanged', async () => {
    const prefix = newPrefix();
    const there = await copy(`lmdb:${at('data')}`, place, prefix);
    expect(there).toMatchObject({ code: 0, stderr: '' });
    const [counts, digest] = there.stdout.split('\n');
    expect(counts).toContain(`${MEMBERS + 1} clients`);

    const back = await copy(place, `lmdb:${at('back')}`, prefix);
    expect(back).toMatchObject({ code: 0, stderr: '' });
    expect(back.stdout.split('\n')[1]).toBe(digest);
    const returned = LmdbStore.open(at('back'), { registryId, bytesMax: undefined });
    const records = await all(returned);
    await returned.close();
    expect(records.filter((record) => record.kind === 'entry' || 'owner' in record).map(plain)).toEqual(
      ENTRIES.map(plain),
    );

    await mkdir(at('server'), { mode: 0o700 });
    for (const file of ['id', 'ck.pem', 'sk.pem']) await cp(join(at('data'), file), join(at('server'), file));
    // Nothing listens at the first end point.
    const args = ['--store', place.replace(':', ':127.0.0.1:1,'), '--etcd-prefix', prefix];
    const registry = await FieldRegistry.start({ args, dataDir: at('server') });
    const bob = await registry.register(WIRE, { name: 'bob' });
    await bob.client.join('demo');
    const { tokens } = await bob.client.getCluster();
    expect(tokens.map(({ name }) => name)).toEqual(['alice', 'bob']);
    // The metrics tell the servers of etcd apart.
    const samples = samplesOf(await registry.process.metrics());
    const value = (name: string, labels: object) =>
      samples.find((sample) => sample.name === name && isDeepStrictEqual(sample.labels, labels))?.value;
    const [dead, live] = ['127.0.0.1:1', endPointsOf(etcd)[0]!];
    const requests = 'xlreg_store_server_requests_total';
    expect(value(requests, { server: dead, result: 'answered' })).toBe(0);
    expect(value(requests, { server: dead, result: 'failed' })).toBeGreaterThan(0);
    expect(value(requests, { server: live, result: 'answered' })).toBeGreaterThan(0);
    expect(value('xlreg_store_server_in_use', { server: dead })).toBe(0);
    expect(value('xlreg_store_server_in_use', { server: live })).toBe(1);
    // Neither kind of backup pretends to copy etcd.
    const backup = ['backup', '-', '--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', at('server')];
    expect(await runXlreg(backup)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('etcdctl') });
    expect(await registry.stop()).toBe(0);
  });

  it('refuses to overwrite a table, and to read a missing one', async () => {
    const prefix = newPrefix();
    const nothing = await copy(place, `lmdb:${at('none')}`, prefix);
    expect(nothing.code).not.toBe(0);
    expect(nothing.stderr).toContain('has no table');
    expect(await copy(`lmdb:${at('data')}`, place, prefix)).toMatchObject({ code: 0 });
    const again = await copy(`lmdb:${at('data')}`, place, prefix);
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain('has a table already');
  });

  it('leaves a partial copy that no server opens and the next copy replaces', async () => {
    const prefix = newPrefix();
    const access = { endPoints: endPointsOf(etcd), tls: undefined, user: undefined };
    // The state that a killed copy leaves behind.
    const left = await CopyClaim.begin(access, registryId, prefix);
    const args = ['serve', '--store', place, '--etcd-prefix', prefix, '--data-dir', at('data')];
    const refused = await runXlreg([...args, '--tcp', '127.0.0.1:0', '--ws', 'off', '--admin', 'off']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('is an unfinished copy');

    expect(await copy(`lmdb:${at('data')}`, place, prefix)).toMatchObject({ code: 0, stderr: '' });
    // The abandoned copy cannot continue or remove anything.
    await expect(left.keep()).rejects.toThrow('another copy');
    await left.close();
    expect(await copy(place, `lmdb:${at('after')}`, prefix)).toMatchObject({ code: 0 });
  });
});
