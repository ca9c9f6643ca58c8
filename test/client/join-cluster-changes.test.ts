// A joined Cluster: its changes in order, slow readers, moves, leaving and closing.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterMember } from '../../src/client/index.ts';
import { type ClusterState, eventsBetween } from '../../src/client/join/cluster-events.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { newMember } from '../support/new-member.ts';
import { until } from '../support/until.ts';
import { ClientRegistry, WAYS } from './client-registry.ts';
import { eventsUntil, Joiners, namesIn, short } from './joiners.ts';

let registry: ClientRegistry;
let joiners: Joiners;
let names = 0;
beforeAll(async () => {
  registry = await ClientRegistry.start();
  joiners = new Joiners({ registry: registry.regCred, confirmMs: 0 });
});
afterEach(() => joiners.close());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});
const newName = () => `c${++names}`;

it('tells a join, completion, a move, a leave and a successor in their order, and goes on', async () => {
  const cluster = newName();
  const alice = await joiners.join('alice', cluster, { size: 2, until: 'joined' });
  const events = alice.changes();
  const bob = await joiners.join('bob', cluster);
  expect(await eventsUntil(events, 'complete')).toEqual(['joined bob', 'full', 'complete']);
  await bob.move(['127.0.0.1:7', '127.0.0.1:8']);
  expect((await events.next()).value).toMatchObject({
    type: 'moved',
    member: { name: 'bob', endPoints: ['127.0.0.1:7', '127.0.0.1:8'] },
    former: { endPoints: ['127.0.0.1:4001'] },
  });
  expect(alice.get('bob')!.endPoints).toEqual(['127.0.0.1:7', '127.0.0.1:8']);
  await bob.leave();
  expect(await eventsUntil(events, 'left')).toEqual(['left bob']);
  expect({ complete: alice.complete, missing: alice.missing().seats }).toEqual({ complete: true, missing: [1] });
  await joiners.join('carol', cluster);
  expect(await eventsUntil(events, 'full')).toEqual(['joined carol', 'full']);
  await events.return();
});

it('gives a slow reader the difference, and a fast one each change', async () => {
  const cluster = newName();
  const alice = await joiners.join('alice', cluster, { size: 3, until: 'joined' });
  const [slow, fast] = [alice.changes(), alice.changes()];
  const bob = await joiners.join('bob', cluster, { until: 'joined' });
  expect(await eventsUntil(fast, 'joined')).toEqual(['joined bob']);
  for (const port of [2, 3]) {
    await bob.move([`127.0.0.1:${port}`]);
    expect(await eventsUntil(fast, 'moved')).toEqual(['moved bob']);
  }
  const carol = await joiners.join('carol', cluster, { until: 'joined' });
  expect(await eventsUntil(fast, 'complete')).toEqual(['joined carol', 'full', 'complete']);
  await carol.leave();
  expect(await eventsUntil(fast, 'left')).toEqual(['left carol']);
  const { value } = await slow.next();
  expect(value).toMatchObject({ type: 'joined', member: { name: 'bob', endPoints: ['127.0.0.1:3'] } });
  expect(await eventsUntil(slow, 'complete')).toEqual(['complete']);
});

it('bounds the events between two states by 67', async () => {
  const { commsKey, sigKey } = newMember({ name: 'x', endPoints: [] });
  const member = { name: 'x', endPoints: ['127.0.0.1:1'], attrs: 0n, commsKey, sigKey, verified: true };
  const at = (index: number, id: string): ClusterMember => ({ ...member, index, id });
  const state = (id: string, members: number): ClusterState => ({
    ...{ clusterId: 'c', size: 64, members: Array.from({ length: members }, (_, index) => at(index, id)) },
    ...{ full: members === 64, complete: members === 64, epoch: 1, confirmed: undefined, address: '', lost: undefined },
  });
  const lost = { ...state('a', 0), lost: new Error('lost') };
  const events = eventsBetween(lost, state('b', 64));
  expect(events.map(({ type }) => type)).toEqual([
    'reconnected',
    ...Array.from({ length: 64 }, () => 'joined'),
    ...['full', 'complete'],
  ]);
  expect(eventsBetween(state('a', 64), state('b', 64)).map(({ type }) => type)).toEqual(Array(64).fill('replaced'));
  expect(eventsBetween(state('a', 2), state('a', 2))).toEqual([]);
  expect(eventsBetween(state('a', 2), { ...state('a', 1), lost: new Error('x') }).map(short)).toEqual([
    'left x',
    'disconnected',
  ]);
});

it('ends readers by their signal, by their return and by close, and later calls by their code', async () => {
  const alice = await joiners.join('alice', newName(), { size: 2, until: 'joined' });
  const controller = new AbortController();
  const aborted = alice.changes({ signal: controller.signal });
  const [returned, closed] = [alice.changes(), alice.changes()];
  const pending = [aborted.next().catch((error: unknown) => error), returned.next(), closed.next()];
  const reason = new Error('enough');
  controller.abort(reason);
  await returned.return();
  await alice.close();
  expect(await Promise.all(pending)).toEqual([
    reason,
    { done: true, value: undefined },
    { done: true, value: undefined },
  ]);
  await expect(alice.move(['127.0.0.1:1'])).rejects.toMatchObject({ name: 'ClusterClosed', code: 'CLUSTER_CLOSED' });
  await expect(alice.leave()).rejects.toMatchObject({ code: 'CLUSTER_CLOSED' });
  expect({ connected: alice.connected, error: alice.error, names: namesIn(alice) }).toEqual({
    ...{ connected: false, error: undefined, names: ['alice'] },
  });
  await alice.close();
});

it('moves in the order of the calls, once a second at most in a complete cluster (W1)', async () => {
  const cluster = newName();
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => joiners.join(name, cluster, { size: 2 })));
  await Promise.all([1, 2, 3].map((port) => alice!.move([`127.0.0.1:${port}`])));
  await until(() => bob!.get('alice')!.endPoints[0] === '127.0.0.1:3');
  await expect(alice!.move(['nowhere'])).rejects.toThrow(TypeError);
  await expect(alice!.move([])).rejects.toThrow(TypeError);
});

it('ends with MEMBERSHIP_LOST when the member is evicted', async () => {
  const cluster = newName();
  const alice = await joiners.join('alice', cluster, { size: 2, until: 'joined' });
  const events = alice.changes();
  const { adminPort, dataDir } = registry.process;
  const evicted = await runXlreg([
    'evict',
    cluster,
    'alice',
    '--admin',
    `127.0.0.1:${adminPort}`,
    '--data-dir',
    dataDir,
  ]);
  expect(evicted).toMatchObject({ code: 0 });
  await expect(events.next()).rejects.toMatchObject({ name: 'NoLongerMember', code: 'MEMBERSHIP_LOST' });
  expect(alice.error).toMatchObject({ code: 'MEMBERSHIP_LOST' });
});

describe.each(WAYS)('over $transport in $dialect', ({ transport, dialect }) => {
  it('tells changes after completion by polling, and has no Leave', async () => {
    const cluster = newName();
    const options = { dialect, size: 2, ...(transport === 'ws' && { connect: registry.url }) };
    const alice = await joiners.join('alice', cluster, { ...options, until: 'joined' });
    const events = alice.changes();
    const bob = await joiners.join('bob', cluster, options);
    expect(await eventsUntil(events, 'complete')).toEqual(['joined bob', 'full', 'complete']);
    await bob.move(['127.0.0.1:5']);
    expect(await eventsUntil(events, 'moved')).toEqual(['moved bob']);
    await expect(bob.leave()).rejects.toThrow(TypeError);
    expect(bob.connected).toBe(true);
  });
});
