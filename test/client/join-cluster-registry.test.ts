import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, type TestContext } from 'vitest';
import { type Cluster, type ClusterIncomplete, parseRegCred, type XlRegError } from '../../src/client/index.ts';
import { keyFingerprint } from '../../src/wire/rsa-key.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { freePort } from '../support/free-port.ts';
import { startRegistry } from '../support/registry-process.ts';
import { type MadeRegistry, makeRegistry, registryToBe } from '../support/registry-to-be.ts';
import { until } from '../support/until.ts';
import { eventsUntil, Joiners, namesIn, newStore } from './joiners.ts';

let parent: string;
let made: MadeRegistry;
const joiners = new Joiners();
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'xlreg-join-cluster-'));
  made = await makeRegistry(parent);
});
afterEach(() => joiners.close());
afterAll(() => rm(parent, { recursive: true }));

const newRegistry = async (context: TestContext) =>
  await registryToBe(made, await mkdtemp(join(parent, 'test-')), context);

const membersOf = (cluster: Cluster) =>
  cluster.members().map(({ name, index, verified }) => `${index} ${name} ${verified}`);

it('waits for credentials that are not written, a registry that does not run, and a cluster that does not exist', async (context) => {
  const registry = await newRegistry(context);
  const seen: string[] = [];
  const waiting = joiners.join('alice', 'late', {
    registry: registry.file,
    onRetry: (why) => seen.push((why as { code?: string }).code ?? why.message),
  });
  await until(() => seen.includes('CREDENTIALS_MISSING'));
  await writeFile(registry.file, '');
  await registry.publish();
  await until(() => seen.includes('UNREACHABLE'));
  await registry.startServer();
  await until(() => seen.includes('REFUSED_CLUSTER_UNKNOWN'));
  const bob = await joiners.join('bob', 'late', { registry: registry.file, size: 2 });
  expect(namesIn(await waiting)).toEqual(namesIn(bob));
}, 60_000);

it('waits for a URL that does not answer, and takes its credentials if they have the fingerprint', async (context) => {
  const registry = await newRegistry(context);
  const web = `127.0.0.1:${await freePort()}`;
  const seen: string[] = [];
  const waiting = joiners.join('alice', 'by-url', {
    ...{ registry: `http://${web}`, fingerprint: keyFingerprint(parseRegCred(made.regCredText).sigKey) },
    ...{ transport: 'ws', size: 2, until: 'joined', onRetry: (why) => seen.push((why as XlRegError).code) },
  });
  await until(() => seen.includes('UNREACHABLE'));
  const process = await startRegistry({ dataDir: registry.data, args: ['--store', 'lmdb', '--ws', web] });
  context.onTestFinished(async () => void (await process.stop()));
  expect(namesIn(await waiting)).toEqual(['alice']);
}, 60_000);

it('has the last failure at the deadline if the registry never came', async (context) => {
  const registry = await newRegistry(context);
  const options = { registry: registry.file, size: 2, deadlineMs: 1_500, expected: ['alice', 'bob'] };
  const late = (): Promise<unknown> => joiners.join('alice', 'never', options).catch((error: unknown) => error);
  expect(await late()).toMatchObject({ code: 'CLUSTER_INCOMPLETE', cause: { code: 'CREDENTIALS_MISSING' } });
  await registry.publish();
  const error = (await late()) as ClusterIncomplete;
  expect(error).toMatchObject({
    ...{ code: 'CLUSTER_INCOMPLETE', cause: { code: 'UNREACHABLE' }, members: [] },
    missing: { seats: [], names: ['alice', 'bob'] },
  });
  expect(error.message).toMatch(/not joined; missing members: alice, bob; last failure: .*connection refused$/);
}, 60_000);

it('comes back after the registry was killed and started again, and goes on to complete', async (context) => {
  const registry = await newRegistry(context);
  await registry.publish();
  const first = await registry.startServer();
  const options = { registry: registry.file, size: 3, until: 'joined' } as const;
  const alice = await joiners.join('alice', 'back', options);
  const bob = await joiners.join('bob', 'back', options);
  const events = alice.changes();
  await until(() => alice.members().length === 2);
  await first.stop('SIGKILL');
  expect(await eventsUntil(events, 'disconnected')).toEqual(['joined bob', 'disconnected']);
  expect(alice.connected).toBe(false);
  expect(namesIn(alice)).toEqual(['alice', 'bob']);
  await registry.startServer();
  expect(await eventsUntil(events, 'reconnected')).toEqual(['reconnected']);
  await joiners.join('carol', 'back', { ...options, until: 'complete' });
  expect(await eventsUntil(events, 'complete')).toEqual(['joined carol', 'full', 'complete']);
  await until(() => bob.complete);
  expect(membersOf(bob)).toEqual(['0 alice true', '1 bob true', '2 carol true']);
  expect([alice.self.index, bob.self.index]).toEqual([0, 1]);
}, 60_000);

it('joins again in a registry that was restored from a backup without it', async (context) => {
  const registry = await newRegistry(context);
  await registry.publish();
  const first = await registry.startServer();
  const options = { registry: registry.file, size: 3, until: 'joined' } as const;
  const alice = await joiners.join('alice', 'restored', { ...options, endPoints: ['127.0.0.1:1'] });
  const backup = join(registry.folder, 'backup');
  const admin = ['--admin', `127.0.0.1:${first.adminPort}`, '--data-dir', registry.data];
  expect(await runXlreg(['backup', backup, ...admin])).toMatchObject({ code: 0 });
  await alice.move(['127.0.0.1:2']);
  const bob = await joiners.join('bob', 'restored', options);
  await first.stop('SIGKILL');
  const restored = join(registry.folder, 'restored');
  expect(await runXlreg(['restore', backup, '--data-dir', restored])).toMatchObject({ code: 0 });
  await registry.startServer(restored);
  const carol = await joiners.join('carol', 'restored', { ...options, until: 'complete' });
  expect([...namesIn(carol)].sort()).toEqual(['alice', 'bob', 'carol']);
  await until(() => alice.complete && bob.complete);
  // The seat of alice has the end points of after the backup.
  for (const one of [alice, bob, carol]) {
    await until(
      () => one.get('alice')!.endPoints[0] === '127.0.0.1:2' && one.members().every(({ verified }) => verified),
    );
  }
}, 90_000);

it('follows a registry to another address that its credentials name', async (context) => {
  const registry = await newRegistry(context);
  await registry.publish();
  const first = await registry.startServer();
  const options = { registry: registry.file, size: 2 };
  const alice = await joiners.join('alice', 'moves', { ...options, until: 'joined' });
  const events = alice.changes();
  expect(await first.stop()).toBe(0);
  await eventsUntil(events, 'disconnected');
  const elsewhere = `127.0.0.1:${await freePort()}`;
  await registry.startServer(registry.data, elsewhere);
  await registry.publish(elsewhere);
  const back = events.next();
  expect(await back).toMatchObject({ value: { type: 'reconnected', address: elsewhere } });
  await joiners.join('bob', 'moves', options);
  expect(await eventsUntil(events, 'complete')).toEqual(['joined bob', 'full', 'complete']);
}, 60_000);

it('continues with another server of the registry', async (context) => {
  const registry = await newRegistry(context);
  const first = await registry.startServer();
  const other = `127.0.0.1:${await freePort()}`;
  const alice = await joiners.join('alice', 'servers', {
    ...{ registry: made.regCredText, connect: [registry.tcp, other], size: 2, until: 'joined' },
  });
  const events = alice.changes();
  await first.stop();
  // A reader that falls behind is not told of a session that was lost and replaced meanwhile.
  expect(await eventsUntil(events, 'disconnected')).toEqual(['disconnected']);
  await registry.startServer(registry.data, other);
  expect(await eventsUntil(events, 'reconnected')).toEqual(['reconnected']);
  expect(namesIn(alice)).toEqual(['alice']);
}, 60_000);

it('ends with REGISTRY_CHANGED if the credentials are replaced and the known registry is away', async (context) => {
  const registry = await newRegistry(context);
  await registry.publish();
  const first = await registry.startServer();
  const alice = await joiners.join('alice', 'changed', { registry: registry.file, size: 2, until: 'joined' });
  const events = alice.changes();
  const other = await startRegistry();
  context.onTestFinished(async () => void (await other.stop()));
  // Other credentials alone change nothing, because nothing vouches for them.
  await registry.publish(`127.0.0.1:${other.tcpPort}`, other.regCredText);
  const moved = alice.move(['127.0.0.1:9']);
  expect(await eventsUntil(events, 'moved')).toEqual(['moved alice']);
  await moved;
  await first.stop();
  await eventsUntil(events, 'disconnected');
  await expect(events.next()).rejects.toMatchObject({ code: 'REGISTRY_CHANGED', retryable: false });
  expect(alice.error).toMatchObject({ code: 'REGISTRY_CHANGED' });
  await expect(alice.move(['127.0.0.1:8'])).rejects.toMatchObject({ code: 'REGISTRY_CHANGED' });
}, 60_000);

it('tells a registry with other keys from one that is away by the credentials on its web port', async (context) => {
  const registry = await newRegistry(context);
  const other = await startRegistry({ args: ['--tcp', registry.tcp] });
  context.onTestFinished(async () => void (await other.stop()));
  const known = { registry: made.regCredText, connect: registry.tcp, size: 2, deadlineMs: 8_000 };
  // The TCP port closes the Hello silently, and names no web port: nothing decides.
  const undecided = await joiners.join('alice', 'keys', known).catch((error: unknown) => error);
  expect(undecided).toMatchObject({ code: 'CLUSTER_INCOMPLETE', cause: { code: 'UNREACHABLE_OR_CHANGED' } });
  const web = `ws://127.0.0.1:${other.wsPort}/xlreg`;
  const decided = await joiners.join('alice', 'keys', { ...known, connect: web }).catch((error: unknown) => error);
  expect(decided).toMatchObject({ name: 'RegistryUntrusted', code: 'REGISTRY_CHANGED', retryable: false });
}, 60_000);

it('refuses credentials of another registry than the one that the identity belongs to', async (context) => {
  const registry = await newRegistry(context);
  await registry.publish();
  await registry.startServer();
  const store = await newStore('alice');
  const alice = await joiners.join('alice', 'own', { registry: registry.file, store, size: 2, until: 'joined' });
  await alice.close();
  const other = await startRegistry();
  context.onTestFinished(async () => void (await other.stop()));
  const again = joiners.join('alice', 'own', { registry: other.regCredText, store, size: 2 });
  await expect(again).rejects.toMatchObject({ name: 'MemberHomeError', code: 'REGISTRY_CHANGED' });
}, 60_000);
