// Identity stores of joinCluster(): directories, memory and the caller's own. Their locks, and processes that crash or
// end by themselves.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type IdentityStore, loadMember, MemoryStore } from '../../src/client/index.ts';
import { ClientRegistry } from './client-registry.ts';
import { Joiners, newStore } from './joiners.ts';

const LIBRARY = new URL('../../dist/src/client/index.js', import.meta.url).href;

let registry: ClientRegistry;
let joiners: Joiners;
let directory: string;
let names = 0;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  registry = await ClientRegistry.start();
  joiners = new Joiners({ registry: registry.regCred, until: 'joined', size: 4 });
  directory = await mkdtemp(join(tmpdir(), 'xlreg-store-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await joiners.close();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

const newName = () => `c${++names}`;
const newHome = () => join(directory, `home-${++names}`);
const registryFile = () => join(registry.process.dataDir, 'regCred.dat');

/** Joins as alice in a process of its own, which then runs `then`; `said` resolves to its member's ID. */
function joinInProcess(cluster: string, store: string, then: string) {
  const options = {
    registry: registryFile(),
    cluster,
    store,
    name: 'alice',
    endPoints: ['127.0.0.1:1'],
    size: 4,
    until: 'joined',
  };
  const code = `
    import { joinCluster } from ${JSON.stringify(LIBRARY)};
    const cluster = await joinCluster(${JSON.stringify(options)});
    console.log(cluster.self.id);
    ${then}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const ended = once(child, 'exit').finally(() => children.delete(child));
  ended.catch(() => {});
  const said = once(child.stdout.setEncoding('utf8'), 'data').then(([text]) => String(text).trim());
  return { child, said, ended };
}

it('comes back from a directory as the same member, in the same seat', async () => {
  const [cluster, store] = [newName(), newHome()];
  const first = await joiners.join('alice', cluster, { store, endPoints: ['127.0.0.1:1'], labels: { zone: 'a' } });
  await joiners.join('bob', cluster);
  const { id, index } = first.self;
  await first.close();
  expect(await readdir(store)).not.toContain('lock');
  for (const name of await readdir(store)) expect((await stat(join(store, name))).mode & 0o077).toBe(0);
  const again = await joiners.join('alice', cluster, { store, endPoints: ['127.0.0.1:2'] });
  expect(again.self).toMatchObject({ id, index, endPoints: ['127.0.0.1:2'], labels: {} });
  expect(await loadMember(store)).toMatchObject({ id, name: 'alice', endPoints: ['127.0.0.1:2'] });
});

it('refuses a directory that another process uses, and names the process', async () => {
  const [cluster, store] = [newName(), newHome()];
  const { child, said } = joinInProcess(cluster, store, '');
  const id = await said;
  await expect(joiners.join('alice', cluster, { store })).rejects.toMatchObject({
    ...{ name: 'MemberHomeError', code: 'HOME_LOCKED', retryable: true },
    message: expect.stringContaining(`pid ${child.pid}`),
  });
  const bob = await joiners.join('bob', cluster);
  expect(bob.get('alice')).toMatchObject({ id });
}, 60_000);

it('comes back at once as the same member after its process was killed', async () => {
  const [cluster, store] = [newName(), newHome()];
  const { child, said, ended } = joinInProcess(cluster, store, '');
  const id = await said;
  child.kill('SIGKILL');
  await ended;
  const again = await joiners.join('alice', cluster, { store });
  expect(again.self).toMatchObject({ id, index: 0 });
}, 60_000);

it.each([
  ['disposed of', 'await cluster[Symbol.asyncDispose]();'],
  ['closed while a reader waits', 'const reading = cluster.changes().next(); await cluster.close(); await reading;'],
  ['left', 'await cluster.leave();'],
])(
  'lets its process end by itself once %s',
  async (_how, then) => {
    const { said, ended } = joinInProcess(newName(), newHome(), then);
    await said;
    expect(await ended).toEqual([0, null]);
  },
  60_000,
);

it('lets its process end by itself after a deadline', async () => {
  const options = { registry: registryFile(), cluster: newName(), name: 'alice', endPoints: ['127.0.0.1:1'], size: 2 };
  const code = `
    import { joinCluster, MemoryStore } from ${JSON.stringify(LIBRARY)};
    const options = { ...${JSON.stringify(options)}, store: new MemoryStore(), deadlineMs: 3_000 };
    await joinCluster(options).catch((error) => console.log(error.code));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const [[text], exit] = await Promise.all([once(child.stdout.setEncoding('utf8'), 'data'), once(child, 'exit')]);
  expect({ text, exit }).toEqual({ text: 'CLUSTER_INCOMPLETE\n', exit: [0, null] });
}, 60_000);

it('refuses a store that this process uses already', async () => {
  for (const store of [newHome(), await newStore('alice')]) {
    const cluster = newName();
    const alice = await joiners.join('alice', cluster, { store });
    await expect(joiners.join('alice', cluster, { store })).rejects.toMatchObject({ code: 'HOME_LOCKED' });
    await alice.close();
    expect((await joiners.join('alice', cluster, { store })).self.id).toBe(alice.self.id);
  }
});

it('refuses a store of another member', async () => {
  for (const store of [newHome(), await newStore('alice')]) {
    await (await joiners.join('alice', newName(), { store })).close();
    const error = { name: 'MemberHomeError', code: 'HOME_OF_ANOTHER_MEMBER', retryable: false };
    await expect(joiners.join('bob', newName(), { store })).rejects.toMatchObject(error);
    await (await joiners.join('alice', newName(), { store })).close();
  }
});

it('makes one member of one store in memory, and another of another', async () => {
  const cluster = newName();
  const store = new MemoryStore();
  const first = await joiners.join('alice', cluster, { store });
  await first.close();
  const again = await joiners.join('alice', cluster, { store });
  expect(again.self).toMatchObject({ id: first.self.id, index: 0 });
  await expect(joiners.join('alice', cluster, { store: new MemoryStore(), deadlineMs: 2_000 })).rejects.toMatchObject({
    code: expect.stringMatching(/^(REFUSED_NAME_IN_USE|CLUSTER_INCOMPLETE)$/),
  });
});

/** A store of the caller that keeps a text in a file. */
function fileStore(path: string, more: Partial<IdentityStore> = {}): IdentityStore {
  return {
    load: () => readFile(path, 'utf8').catch(() => undefined),
    save: (text) => writeFile(path, text, { mode: 0o600 }),
    ...more,
  };
}

it("keeps keys, ID and statements in the caller's store", async () => {
  const [cluster, path] = [newName(), newHome()];
  let locks = 0;
  const lock = async () => {
    locks += 1;
    return () => {
      locks -= 1;
    };
  };
  const first = await joiners.join('alice', cluster, { store: fileStore(path, { lock }) });
  expect(locks).toBe(1);
  const { id, seq } = first.self;
  await first.close();
  expect(locks).toBe(0);
  const again = await joiners.join('alice', cluster, { store: fileStore(path) });
  // The statement of the first run was kept, so its seq is the same.
  expect(again.self).toMatchObject({ id, index: 0, seq });
});

it("tells failures of the caller's store by their code, without its text", async () => {
  const away = () => Promise.reject(new Error('away'));
  const path = newHome();
  const call = (store: IdentityStore) => joiners.join('alice', newName(), { store }).catch((error: unknown) => error);
  expect(await call(fileStore(path, { lock: away }))).toMatchObject({
    code: 'HOME_LOCKED',
    cause: { message: 'away' },
  });
  expect(await call(fileStore(path, { load: away }))).toMatchObject({
    code: 'HOME_UNUSABLE',
    cause: { message: 'away' },
  });
  expect(await call(fileStore(path, { save: away }))).toMatchObject({
    code: 'HOME_UNUSABLE',
    cause: { message: 'away' },
  });
  await writeFile(path, '{"member": "secret"}');
  const damaged = await call(fileStore(path));
  expect(damaged).toMatchObject({ code: 'HOME_UNUSABLE', message: expect.not.stringContaining('secret') });
});
