// joinCluster() with a registry that is there: forming a cluster in each dialect, its options, and each final failure.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ClusterIncomplete,
  createJoinToken,
  type JoinClusterOptions,
  joinCluster,
  MemoryStore,
} from '../../src/client/index.ts';
import { keyFingerprint } from '../../src/wire/rsa-key.ts';
import { newMember } from '../support/new-member.ts';
import { ALL_WAYS, ClientRegistry } from './client-registry.ts';
import { eventsUntil, Joiners, namesIn, newStore } from './joiners.ts';

let registry: ClientRegistry;
let joiners: Joiners;
let directory: string;
let names = 0;
beforeAll(async () => {
  registry = await ClientRegistry.start();
  joiners = new Joiners({ registry: registry.regCred });
  directory = await mkdtemp(join(tmpdir(), 'xlreg-join-cluster-'));
});
afterEach(() => joiners.close());
afterAll(async () => {
  await rm(directory, { recursive: true });
  expect(await registry.stop()).toBe(0);
});

const newName = () => `c${++names}`;
const file = () => join(registry.process.dataDir, 'regCred.dat');
const web = () => `http://127.0.0.1:${registry.process.wsPort}`;

/** The error that a call rejects with. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => expect.fail('the call did not reject'),
    (error: unknown) => error,
  );
}

describe.each(ALL_WAYS)('over $transport in $dialect', ({ transport, dialect }) => {
  it('forms a cluster, of which each member sees the same', async () => {
    const cluster = newName();
    const options = { dialect, ...(transport === 'ws' && { connect: registry.url }), size: 3, labels: {} };
    const joined = await Promise.all(
      ['alice', 'bob', 'carol'].map((name, place) =>
        joiners.join(name, cluster, { ...options, endPoints: [`127.0.0.1:${4_001 + place}`] }),
      ),
    );
    for (const [place, one] of joined.entries()) {
      expect(namesIn(one).sort()).toEqual(['alice', 'bob', 'carol']);
      expect(one).toMatchObject({ name: cluster, size: 3, complete: true, connected: true, error: undefined });
      expect(one.self).toMatchObject({ name: ['alice', 'bob', 'carol'][place] });
      expect(one.get('bob')?.endPoints).toEqual(['127.0.0.1:4002']);
      expect(one.get('nobody')).toBeUndefined();
      expect(one.missing()).toEqual({ seats: [], names: [], unconfirmed: [] });
    }
    expect(new Set(joined.map(({ id }) => id)).size).toBe(1);
    expect(joined[0]!.members().every(({ verified }) => verified)).toBe(dialect === 'sealed');
  });
});

describe('the registry', () => {
  it.each<[string, () => Partial<JoinClusterOptions>]>([
    ['a file', () => ({ registry: file() })],
    ['a URL with a fingerprint', () => ({ registry: web(), fingerprint: keyFingerprint(registry.regCred.sigKey) })],
    [
      'a URL, over WebSocket',
      () => ({ registry: new URL(web()), transport: 'ws', fingerprint: keyFingerprint(registry.regCred.sigKey) }),
    ],
    ['a text', () => ({ registry: registry.process.regCredText })],
  ])('may be %s', async (_what, options) => {
    const joined = await joiners.join('alice', newName(), { size: 2, until: 'joined', ...options() });
    expect(namesIn(joined)).toEqual(['alice']);
  });

  it('is refused with a wrong fingerprint, at once and by its code', async () => {
    const wrong = keyFingerprint(newMember({ name: 'x', endPoints: [] }).sigKey);
    for (const source of [file(), web(), registry.process.regCredText]) {
      const error = await failureOf(
        joiners.join('alice', newName(), { registry: source, fingerprint: wrong, size: 2 }),
      );
      expect(error).toMatchObject({ name: 'RegistryUntrusted', code: 'FINGERPRINT_MISMATCH', retryable: false });
      expect((error as Error).message).not.toContain('SHA256:');
    }
  });

  it('is refused with the fingerprint of its other key', async () => {
    const fingerprint = keyFingerprint(registry.regCred.commsKey);
    const error = await failureOf(joiners.join('alice', newName(), { fingerprint, size: 2 }));
    expect(error).toMatchObject({ code: 'FINGERPRINT_MISMATCH', message: expect.stringContaining('comms key') });
  });
});

describe('a member that is missing at the deadline', () => {
  it('is named, with its seat, the roster so far and no failure', async () => {
    const cluster = newName();
    const expected = ['alice', 'bob', 'carol'];
    const options = { size: 3, expected, deadlineMs: 8_000 };
    const calls = ['alice', 'carol'].map((name) => failureOf(joiners.join(name, cluster, options)));
    for (const error of await Promise.all(calls)) {
      expect(error).toBeInstanceOf(ClusterIncomplete);
      const { members, size, missing, cause, code, retryable, message } = error as ClusterIncomplete;
      expect({ size, cause, code, retryable }).toEqual({
        ...{ size: 3, cause: undefined, code: 'CLUSTER_INCOMPLETE', retryable: true },
      });
      expect(members.map(({ name }) => name).sort()).toEqual(['alice', 'carol']);
      expect(missing).toEqual({ seats: [2], names: ['bob'], unconfirmed: [] });
      expect(message).toBe(
        `the cluster ${cluster} is not complete after 8 s; 2 of 3 members; missing seats: 2; missing members: bob`,
      );
    }
  });

  it('completes the cluster in a second call of the others, which come back to their seats', async () => {
    const cluster = newName();
    const store = await newStore('alice');
    const alice = { store, size: 2, expected: ['alice', 'bob'] };
    const first = (await failureOf(
      joiners.join('alice', cluster, { ...alice, deadlineMs: 6_000 }),
    )) as ClusterIncomplete;
    expect(first.missing.names).toEqual(['bob']);
    const [again] = await Promise.all([joiners.join('alice', cluster, alice), joiners.join('bob', cluster)]);
    expect(again.self).toMatchObject({ id: first.members[0]!.id, index: 0 });
    expect(again.missing()).toEqual({ seats: [], names: [], unconfirmed: [] });
  });

  it('may be the creator: a cluster that does not exist is waited for', async () => {
    const cluster = newName();
    const error = (await failureOf(joiners.join('alice', cluster, { deadlineMs: 6_000 }))) as ClusterIncomplete;
    expect(error).toMatchObject({ code: 'CLUSTER_INCOMPLETE', members: [], size: undefined });
    expect(error.cause).toMatchObject({ code: 'REFUSED_CLUSTER_UNKNOWN' });
    expect(error.message).toMatch(/; not joined; last failure: cannot find cluster with this name$/);
    const waiting = joiners.join('alice', cluster);
    const [alice] = await Promise.all([waiting, joiners.join('bob', cluster, { size: 2 })]);
    expect(namesIn(alice).sort()).toEqual(['alice', 'bob']);
  });
});

describe('an abort', () => {
  it('ends the call with its reason, and the store can be used again', async () => {
    const store = join(directory, 'aborted');
    const cluster = newName();
    const controller = new AbortController();
    const call = joiners.join('alice', cluster, { store, size: 2, signal: controller.signal });
    await joiners.join('bob', cluster, { size: 2, until: 'joined' });
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await failureOf(call)).toBe(reason);
    expect(await failureOf(joiners.join('alice', cluster, { store, size: 2, signal: controller.signal }))).toBe(reason);
    expect((await joiners.join('alice', cluster, { store, size: 2 })).complete).toBe(true);
  });

  it('means nothing to the Cluster afterwards', async () => {
    const cluster = newName();
    const controller = new AbortController();
    const alice = await joiners.join('alice', cluster, { size: 2, until: 'joined', signal: controller.signal });
    const events = alice.changes();
    controller.abort();
    await joiners.join('bob', cluster, { size: 2 });
    expect(await eventsUntil(events, 'complete')).toEqual(['joined bob', 'full', 'complete']);
    expect(alice.connected).toBe(true);
  });
});

describe('a cluster that is complete', () => {
  it('refuses one member more, at once and by its code (R13)', async () => {
    const cluster = newName();
    await Promise.all(['alice', 'bob'].map((name) => joiners.join(name, cluster, { size: 2 })));
    const error = await failureOf(joiners.join('carol', cluster, { size: 2 }));
    expect(error).toMatchObject({ name: 'RegistryRefused', code: 'REFUSED_CLUSTER_FULL', retryable: false });
  });

  it('refuses a taken name, at once and by its code (R13)', async () => {
    const cluster = newName();
    const [alice] = await Promise.all(
      ['alice', 'bob'].map((name) => joiners.join(name, cluster, { size: 2, confirmMs: 0 })),
    );
    await alice!.leave();
    const error = await failureOf(joiners.join('bob', cluster, { size: 2 }));
    expect(error).toMatchObject({ code: 'REFUSED_NAME_IN_USE', retryable: false });
  });
});

it('refuses a cluster of another size, at once and by its code', async () => {
  const cluster = newName();
  await joiners.join('alice', cluster, { size: 3, until: 'joined' });
  const error = await failureOf(joiners.join('bob', cluster, { size: 2 }));
  expect(error).toMatchObject({ code: 'CLUSTER_DIFFERS', retryable: false });
});

it('refuses an end point auto:PORT that no address can replace, at once and by its code', async () => {
  const options = { endPoints: ['auto:4001'], size: 2 };
  // The registry sees a loopback address here.
  expect(await failureOf(joiners.join('alice', newName(), options))).toMatchObject({ code: 'END_POINT_UNKNOWN' });
  const old = { ...options, dialect: 'prefixed' } as const;
  expect(await failureOf(joiners.join('alice', newName(), old))).toMatchObject({ code: 'END_POINT_UNKNOWN' });
});

it('a lost identity comes back by a replacement token, and the former one stays out (A5)', async () => {
  const cluster = newName();
  const token = createJoinToken();
  const owner = await registry.identify('owner');
  await owner.session.create(cluster, { size: 2, joinTokens: [{ token, uses: 2 }] });
  // Fenced IDs and SigKeys stay out, so these have keys of their own.
  const lost = new MemoryStore();
  const [alice, bob] = await Promise.all([
    joiners.join('alice', cluster, { store: lost, joinToken: token }),
    joiners.join('bob', cluster, { store: new MemoryStore(), joinToken: token }),
  ]);
  const before = alice.self;
  const [ofAlice, ofBob] = [alice.changes(), bob.changes()];
  const replacement = createJoinToken();
  await owner.session.changeJoinTokens(cluster, {
    add: [{ token: replacement, uses: 1, forName: 'alice', replace: true }],
  });
  const anew = await joiners.join('alice', cluster, { store: new MemoryStore(), joinToken: replacement });
  expect(anew.self).toMatchObject({ index: before.index, name: 'alice' });
  expect(anew.self.id).not.toBe(before.id);
  expect(await eventsUntil(ofBob, 'replaced')).toEqual(['replaced alice']);
  expect(await failureOf(ofAlice.next())).toMatchObject({ code: 'MEMBERSHIP_REPLACED' });
  expect(alice.error).toMatchObject({ code: 'MEMBERSHIP_REPLACED' });
  const again = await failureOf(joiners.join('alice', cluster, { store: lost, joinToken: token }));
  expect(again).toMatchObject({ code: 'REFUSED_MEMBER_REPLACED', retryable: false });
});

it.each<[string, Partial<JoinClusterOptions>]>([
  ['a name', { name: '-x' }],
  ['a cluster', { cluster: '' }],
  ['no end point', { endPoints: [] }],
  ['an end point', { endPoints: ['nowhere'] }],
  ['a label', { labels: { 'a b': 'c' } }],
  ['a fingerprint', { fingerprint: 'SHA256:short' }],
  ['a URL', { registry: 'http://' }],
  ['a join token', { joinToken: 'guess' }],
  ['a join token beside a size', { joinToken: createJoinToken(), size: 2 }],
  ['a deadline', { deadlineMs: 0 }],
  ['an address', { connect: 'nowhere' }],
])('throws TypeError for an invalid option: %s', async (_what, option) => {
  expect(await failureOf(joinCluster({ ...validOptions(), ...option }))).toBeInstanceOf(TypeError);
});

it.each<[string, unknown]>([
  ['registry', undefined],
  ['registry', ''],
  ['store', undefined],
  ['store', 5],
  ['store', { load: () => undefined }],
  ['endPoints', undefined],
  ['endPoints', '127.0.0.1:1'],
  ['expected', 'bob'],
  ['size', '3'],
  ['size', 1],
  ['size', 65],
  ['confirmMs', 5_000],
  ['until', 'join'],
  ['deadline', 5],
])('names the option in the error that a program in JavaScript gets: %s', async (option, value) => {
  const failure = await failureOf(joinCluster({ ...validOptions(), [option]: value }));
  expect(failure).toBeInstanceOf(TypeError);
  expect((failure as Error).message).toContain(option);
});

function validOptions(): JoinClusterOptions {
  const { regCred } = registry;
  return { registry: regCred, cluster: 'c', name: 'a', endPoints: ['127.0.0.1:1'], store: new MemoryStore() };
}
