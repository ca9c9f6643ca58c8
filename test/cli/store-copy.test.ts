// xlreg store copy on tables of real registries: the target is identical, or absent.

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fillTable } from '../../bench/store/fill-table.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { runXlreg, startXlreg } from './xlreg-process.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const LMDB = ['--store', 'lmdb'];
const POLL_MS = 2;
const DEADLINE_MS = 20_000;

let directory: string;
let clusterId: Buffer;
const at = (name: string) => join(directory, name);
const copy = (from: string, to: string) => runXlreg(['store', 'copy', `lmdb:${at(from)}`, `lmdb:${at(to)}`]);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-store-copy-'));
  const registry = await FieldRegistry.start({ args: LMDB, dataDir: at('data') });
  const alice = await registry.register(WIRE, { name: 'alice' });
  clusterId = (await alice.client.create('demo', 3)).clusterId!;
  await alice.client.join('demo');
  expect(await copy('data', 'early')).toMatchObject({ code: 2, stderr: expect.stringContaining('is in use by') });
  expect(await registry.stop()).toBe(0);
});
afterAll(() => rm(directory, { recursive: true }));

it('copies a table that a registry then serves', async () => {
  const { code, stdout, stderr } = await copy('data', 'moved');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [counts, digest, advice] = stdout.split('\n');
  expect(counts).toBe(`lmdb:${at('moved')}: 1 clients, 1 clusters, 1 members, the same as lmdb:${at('data')}`);
  expect(digest).toMatch(/^SHA-256 of both: [0-9a-f]{64}$/);
  expect(advice).toContain("copy the registry's id, ck.pem and sk.pem");
  expect((await readdir(at('moved'))).sort()).toEqual(['table']);

  for (const file of ['id', 'ck.pem', 'sk.pem']) await cp(join(at('data'), file), join(at('moved'), file));
  const registry = await FieldRegistry.start({ args: LMDB, dataDir: at('moved') });
  const bob = await registry.register(WIRE, { name: 'bob' });
  expect((await bob.client.getCluster(clusterId)).tokens.map(({ name }) => name)).toEqual(['alice']);
  expect(await registry.stop()).toBe(0);

  // The way back: into a directory of the same registry without a table.
  await mkdir(at('back'), { mode: 0o700 });
  await cp(join(at('data'), 'id'), join(at('back'), 'id'));
  expect((await copy('data', 'back')).stdout.split('\n')[1]).toBe(digest);
});

it('overwrites no table, needs a source table and refuses unknown stores', async () => {
  await mkdir(at('other'), { mode: 0o700 });
  await writeFile(join(at('other'), 'id'), `${'ab'.repeat(32)}\n`);
  for (const [from, to, code, says] of [
    ['data', 'data', 2, 'is in use by'],
    ['moved', 'data', 2, 'there is a table in'],
    ['data', 'other', 2, 'belongs to another registry'],
    ['nowhere', 'new', 1, 'there is no table in'],
  ] as const) {
    expect(await copy(from, to)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(says) });
  }
  expect(existsSync(at('nowhere'))).toBe(false);
  for (const place of ['memory:x', 'x', 'lmdb:']) {
    const ran = await runXlreg(['store', 'copy', `lmdb:${at('data')}`, place]);
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('TO should be lmdb:DIR') });
  }
});

it('leaves no usable table when killed half-way, and the next copy is complete', async () => {
  await fillTable(at('large'), 'cd'.repeat(32), 20_000);
  const copying = startXlreg(['store', 'copy', `lmdb:${at('large')}`, `lmdb:${at('to')}`]);
  const deadline = performance.now() + DEADLINE_MS;
  while (!existsSync(join(at('to'), 'copying/table/data.mdb'))) {
    expect(performance.now()).toBeLessThan(deadline);
    await sleep(POLL_MS);
  }
  copying.child.kill('SIGKILL');
  expect((await copying.ended).code).toBeNull();
  expect((await readdir(at('to'))).filter((name) => !name.endsWith('.socket')).sort()).toEqual(['copying', 'lock']);

  const { code, stdout } = await copy('large', 'to');
  expect(code).toBe(0);
  expect(stdout).toContain('20000 clients, 2500 clusters, 20000 members, the same as');
  expect((await runXlreg(['store', 'verify', '--data-dir', at('to')])).stdout).toContain('sound: 20000 clients');
  expect(await readdir(at('to'))).toEqual(['table']);
});

it('removes its files on SIGINT', async () => {
  const copying = startXlreg(['store', 'copy', `lmdb:${at('large')}`, `lmdb:${at('interrupted')}`]);
  const deadline = performance.now() + DEADLINE_MS;
  while (!existsSync(join(at('interrupted'), 'copying/table/data.mdb'))) {
    expect(performance.now()).toBeLessThan(deadline);
    await sleep(POLL_MS);
  }
  copying.child.kill('SIGINT');
  expect((await copying.ended).code).toBe(130);
  expect(await readdir(at('interrupted'))).toEqual([]);
});
