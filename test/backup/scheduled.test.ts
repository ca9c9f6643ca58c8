// Scheduled backups with the real program: what counts as one, what is kept and removed, failures, and the restart.
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BackupFolder } from '../../src/backup/backup-folder.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { SmallDisk } from '../durability/small-disk.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { samplesOf } from '../metrics/metrics-text.ts';
import type { RegistryProcess } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const GOOD = /^xlreg-[0-9a-f]{16}-\d{8}T\d{6}Z$/;
const directory = mkdtempSync(join(tmpdir(), 'xlreg-scheduled-'));
afterAll(() => rmSync(directory, { recursive: true }));

const at = (...names: readonly string[]) => join(directory, ...names);
const good = (folder: string) =>
  readdirSync(folder)
    .filter((name) => GOOD.test(name))
    .sort();

/** Starts a registry on lmdb whose backups go to `folder`. */
const start = (data: string, folder: string, ...args: readonly string[]) =>
  FieldRegistry.start({ args: ['--store', 'lmdb', '--backup-dir', folder, ...args], dataDir: at(data) });

async function metric(process: RegistryProcess, name: string, result?: string): Promise<number> {
  const samples = samplesOf(await process.metrics()).filter((sample) => sample.name === name);
  return samples.find(({ labels }) => labels.result === result)!.value;
}

const made = (process: RegistryProcess) => metric(process, 'xlreg_backups_total', 'success');
const failed = (process: RegistryProcess) => metric(process, 'xlreg_backups_total', 'failure');

// These wait for the clock of the backups, so they run side by side.
it.concurrent('keeps the newest good backups, and removes nothing that it did not make', async () => {
  const folder = at('kept');
  mkdirSync(folder);
  const registry = await start('first', folder, '--backup-every', '1s', '--backup-keep', '2');
  const alice = await registry.register(WIRE, { name: 'alice' });
  await alice.client.create('demo', 2);
  await alice.client.join('demo');
  await until(() => good(folder).length > 0);
  // A copy, because the first backup is soon removed.
  cpSync(join(folder, good(folder)[0]!), at('copied'), { recursive: true });
  const id = good(folder)[0]!.split('-')[1]!;
  const foreign = [
    `xlreg-${id}-20200101T000000Z`, // Incomplete: it does not count.
    'xlreg-0000000000000000-20200101T000000Z', // Another registry's.
    'notes.txt',
  ];
  mkdirSync(join(folder, foreign[0]!));
  cpSync(at('copied'), join(folder, foreign[1]!), { recursive: true });
  writeFileSync(join(folder, 'notes.txt'), 'mine');
  // A crash left these: one as the program leaves it, one with an operator's file.
  const leftovers = [`unfinished-xlreg-${id}-20200101T000000Z`, `unfinished-xlreg-${id}-20200101T000001Z`];
  for (const name of leftovers) mkdirSync(join(folder, name, 'table'), { recursive: true });
  writeFileSync(join(folder, leftovers[0]!, 'table/data.mdb'), 'half');
  writeFileSync(join(folder, leftovers[1]!, 'mine.txt'), 'mine');
  // A complete backup beyond the number, with an operator's file.
  const annotated = `xlreg-${id}-20200101T000002Z`;
  cpSync(at('copied'), join(folder, annotated), { recursive: true });
  writeFileSync(join(folder, annotated, 'why.txt'), 'mine');

  const before = await made(registry.process);
  await until(async () => (await made(registry.process)) >= before + 2);
  // The last removal follows the last count.
  const own = () => good(folder).filter((name) => name.includes(id) && !name.includes('-2020'));
  await until(() => own().length === 2);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([...foreign, leftovers[1], annotated]));
  expect(existsSync(join(folder, leftovers[0]!))).toBe(false);
  await until(() => registry.process.stderr().includes('an old backup is not removed'));
  expect(await failed(registry.process)).toBe(0);
  expect(await registry.stop()).toBe(0);

  const newest = join(folder, own().at(-1)!);
  for (const name of ['ck.pem', 'sk.pem', 'id', 'table/data.mdb']) {
    expect(statSync(join(newest, name)).mode & 0o777).toBe(0o600);
  }
  for (const name of ['.', 'table']) expect(statSync(join(newest, name)).mode & 0o777).toBe(0o700);
  expect(readdirSync(join(newest, 'table'))).toEqual(['data.mdb']);

  expect((await runXlreg(['restore', newest, '--data-dir', at('restored')])).code).toBe(0);
  const restored = await FieldRegistry.start({ args: ['--store', 'lmdb'], dataDir: at('restored') });
  expect(restored.file.id).toEqual(registry.file.id);
  const client = await restored.connect(WIRE);
  await client.identifyById(alice.clientId, alice.keys);
  const { clusterId } = await client.join('demo');
  expect((await client.getCluster(clusterId)).tokens.map(({ name }) => name)).toEqual(['alice']);
  expect(await restored.stop()).toBe(0);
}, 60_000);

it.concurrent('makes the first backup after a restart by the age of the last good one', async () => {
  const folder = at('aged');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  const first = await start('aging', folder, '--backup-every', '1h');
  await until(() => good(folder).length === 1);
  expect(first.process.stderr()).toContain('others can write in the backup directory');
  chmodSync(folder, 0o700);
  expect(await first.stop()).toBe(0);
  const [name] = good(folder) as [string];

  // A young one is not repeated.
  const second = await start('aging', folder, '--backup-every', '1h');
  await until(() => second.process.stderr().includes('backups are scheduled'));
  const time = Date.parse(name.slice(-16).replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
  expect(await metric(second.process, 'xlreg_backup_last_success_timestamp_seconds')).toBe(time / 1000);
  expect(await metric(second.process, 'xlreg_backup_interval_seconds')).toBe(3_600);
  expect(await second.stop()).toBe(0);
  expect(good(folder)).toEqual([name]);

  // An old one is followed by the next at once.
  const old = `${name.slice(0, -16)}20260101T000000Z`;
  renameSync(join(folder, name), join(folder, old));
  const third = await start('aging', folder, '--backup-every', '1h');
  await until(() => good(folder).length === 2);
  expect(await third.stop()).toBe(0);
  expect(good(folder)[0]).toBe(old);
}, 60_000);

it.concurrent('logs and counts a missing directory, serves on, and tries again', async () => {
  const folder = at('not-mounted', 'backups');
  const registry = await start('unmounted', folder, '--backup-every', '1s');
  await until(async () => (await failed(registry.process)) > 0);
  expect(registry.process.stderr()).toMatch(/"reason":"ENOENT[^\n]*"msg":"a scheduled backup failed"/);
  expect(existsSync(at('not-mounted'))).toBe(false);
  await registry.register(WIRE, { name: 'served' });
  mkdirSync(folder, { recursive: true });
  await until(async () => (await made(registry.process)) > 0);
  expect(await registry.stop()).toBe(0);
  expect(good(folder).length).toBeGreaterThan(0);
}, 60_000);

/** Fills the space that ext4 reserves for root. Returns the file. */
function fillReserve(folder: string): string {
  const path = join(folder, 'rest');
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096, 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    return path;
  } finally {
    closeSync(file);
  }
}

const disk = SmallDisk.make();
afterAll(() => disk?.remove());

it.skipIf(disk === undefined)(
  'leaves the good backups and no half one on a full disk',
  { concurrent: true, timeout: 60_000 },
  async () => {
    const folder = disk!.directory;
    // So many that no removal makes room.
    const registry = await start('roomy', folder, '--backup-every', '1s', '--backup-keep', '100');
    await until(() => good(folder).length > 0);
    disk!.fill();
    const rest = fillReserve(folder);
    // Room for some files only: each attempt fails at another one, or at the file that LMDB maps beside the table.
    for (let failures = 1; failures <= 6; failures++) {
      await until(async () => (await failed(registry.process)) >= failures);
      truncateSync(rest, statSync(rest).size - 4_096);
    }
    expect(registry.process.stderr()).toMatch(
      /"reason":"[^"]*(?:No space left|ENOSPC)[^\n]*"a scheduled backup failed"/,
    );
    const kept = good(folder);
    expect(kept.length).toBeGreaterThan(0);
    rmSync(rest);
    disk!.free();
    const before = await made(registry.process);
    await until(async () => (await made(registry.process)) > before);
    expect(await registry.stop()).toBe(0);
    expect(readdirSync(folder).filter((name) => !GOOD.test(name))).toEqual([]);
    const sound = await runXlreg(['store', 'verify', '--data-dir', join(folder, good(folder).at(-1)!)]);
    expect(sound).toMatchObject({ code: 0 });
  },
);

describe('a directory of backups', () => {
  mkdirSync(at('own', 'sub'), { recursive: true });
  symlinkSync(at('own', 'sub'), at('link'));
  const place = (folder: string) => () => new BackupFolder(folder, at('own'), '').assertOutside();

  it.each([at('own'), at('own', 'sub'), at('own', 'none', 'such'), at('link'), at('own', '..name')])(
    'is refused in the data directory: %s',
    (folder) => expect(place(folder)).toThrow('is in the data directory'),
  );

  it.each([directory, at('owner'), at('other', 'own'), '/'])('is taken elsewhere: %s', (folder) =>
    expect(place(folder)).not.toThrow(),
  );

  it.each([
    ['lmdb', /^xlreg serve: backup-dir: .* is in the data directory .*\n$/],
    ['memory', /^xlreg serve: backup-dir: needs --store lmdb; with --store memory nothing is stored\n$/],
    ['etcd:127.0.0.1:1', /^xlreg serve: backup-dir: .* with --store etcd back up etcd with etcdctl snapshot save\n$/],
  ])('ends a start with exit code 2 in the data directory, and with another store: %s', async (store, text) => {
    const flags = ['--data-dir', at('own'), '--store', store, '--backup-dir', at('link')];
    expect(await runXlreg(['serve', ...flags])).toMatchObject({ code: 2, stderr: expect.stringMatching(text) });
  });
});
