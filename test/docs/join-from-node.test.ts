// The programs of the how-to page about joining from Node run as they stand.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Joiners } from '../client/joiners.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const project = resolve(import.meta.dirname, '../..');
const page = await readFile(join(project, 'docs/how-to/join-from-node.md'), 'utf8');
/** Joining, a deadline, and following changes. */
const [joins, gives, follows] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

let registry: RegistryProcess;
let directory: string;
let joiners: Joiners;
beforeAll(async () => {
  registry = await startRegistry();
  joiners = new Joiners({ registry: registry.regCredText, connect: `127.0.0.1:${registry.tcpPort}` });
  directory = await mkdtemp(join(tmpdir(), 'xlreg-how-to-'));
  await mkdir(join(directory, 'xlreg-data'));
  await cp(join(registry.dataDir, 'regCred.dat'), join(directory, 'xlreg-data/regCred.dat'));
  await mkdir(join(directory, 'node_modules'));
  await symlink(project, join(directory, 'node_modules/xlreg'));
});
afterAll(async () => {
  await joiners.close();
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

/** Starts a program beside `xlreg-data`. The promise has its process as `child`. */
async function start(name: string, code: string) {
  await writeFile(join(directory, name), code);
  return { ended: promisify(execFile)(process.execPath, [name], { cwd: directory, timeout: 50_000 }) };
}

it('joins, follows changes until a member leaves, and ends by itself', async () => {
  const { ended } = await start('alice.mjs', `${joins}${follows}`);
  // It prints once it has joined, perhaps before this process knows that bob has.
  const joined = once(ended.child.stdout!, 'data');
  const bob = await joiners.join('bob', 'web', { endPoints: ['127.0.0.1:4002'] });
  await joined;
  await bob.move(['127.0.0.1:4003']);
  await until(() => bob.self.endPoints[0] === '127.0.0.1:4003');
  await bob.leave();
  const { stdout } = await ended;
  expect(stdout).toMatch(/^[01] \[ '127\.0\.0\.1:4002' \]\n/);
}, 60_000);

it('names the members that are missing at the deadline', async () => {
  // Node 20 and 22 have no `await using`.
  const code = gives!.replace('await using', 'const').replace('expected:', 'deadlineMs: 5_000, expected:');
  const { stderr } = await (await start('batch.mjs', code)).ended;
  expect(stderr).toBe('missing: bob, carol; seats 1, 2\nthe registry answers\n');
}, 60_000);
