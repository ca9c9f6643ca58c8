// Watching a cluster on a real registry: yields each member once as it joins, until the cluster is full.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ClusterMember, type Member, watchCluster } from '../../src/client/index.ts';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { newMember, newVisitor } from '../support/new-member.ts';
import { until } from '../support/until.ts';
import { ALL_WAYS, ClientRegistry, WAYS } from './client-registry.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterEach(() => registry.closeSessions());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

async function visit(way: (typeof ALL_WAYS)[number]) {
  const session = await registry.connect(way);
  await session.identify(newVisitor());
  return session;
}

describe.each(WAYS)('$dialect over $transport', (way) => {
  const unique = (name: string): string => `${name}-${way.dialect}-${way.transport}`;

  it('yields members as they join and ends when the cluster is full', async () => {
    const cluster = unique('filling');
    const first = await registry.identify('one', way);
    await first.session.create(cluster, { size: 3, confirmMs: 0 });
    const visitor = await visit(way);
    const watch = visitor.members(cluster, { pollMs: 50 });

    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      const next = watch.next();
      const { session } = index === 0 ? first : await registry.identify(name, way);
      await session.join(cluster);
      expect((await next).value).toMatchObject({ index, name });
    }
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    await visitor.bye();
  });

  it('rejects with the reason when aborted and leaves the session open', async () => {
    const cluster = unique('aborted');
    const { session } = await registry.identify('one', way);
    await session.create(cluster, { size: 2 });
    await session.join(cluster);
    const controller = new AbortController();
    const watch = session.members(cluster, { signal: controller.signal });
    expect((await watch.next()).value).toMatchObject({ index: 0 });
    const next = watch.next();
    controller.abort('enough');
    await expect(next).rejects.toBe('enough');
    expect((await session.cluster(cluster)).members).toHaveLength(1);
  });

  it('ends at once on return() despite a pending next()', async () => {
    const cluster = unique('returned');
    const { session, member, id } = await registry.identify('one', way);
    await session.create(cluster, { size: 2 });
    await session.join(cluster);
    const open = async () => {
      const opened = await registry.connect(way);
      await opened.identify({ ...member, id });
      return opened;
    };
    const options = { pollMs: 60_000 };
    for (const watch of [session.members(cluster, options), watchCluster(session, cluster, open, options)]) {
      expect((await watch.next()).value).toMatchObject({ index: 0 });
      // Each pause is half as long again as the one before, so the ninth is long.
      const asked = vi.spyOn(session, 'cluster');
      const pending = watch.next();
      await until(() => asked.mock.calls.length >= 9);
      asked.mockRestore();
      const began = performance.now();
      expect(await watch.return()).toEqual({ done: true, value: undefined });
      expect(await pending).toEqual({ done: true, value: undefined });
      expect(performance.now() - began).toBeLessThan(250);
      expect(await watch.next()).toEqual({ done: true, value: undefined });
    }
    expect((await session.cluster(cluster)).members).toHaveLength(1);
  });

  it('ends with the present members without wait', async () => {
    const cluster = unique('now');
    const { session } = await registry.identify('one', way);
    await session.create(cluster, { size: 2 });
    const seen: ClusterMember[] = [];
    for await (const member of session.members(cluster, { wait: false })) seen.push(member);
    expect(seen).toEqual([]);
  });
});

it('yields a full cluster until each member watches it, with the default confirm time (Q1, Q6)', async () => {
  const members = [await registry.identify('one'), await registry.identify('two')];
  for (const { session } of members) {
    expect(await session.create('watched', { size: 2 })).toMatchObject({ confirmMs: 30_000 });
    await session.join('watched');
  }
  const visitor = await visit(ALL_WAYS.find(({ dialect }) => dialect === 'sealed')!);
  const watch = visitor.members('watched', { pollMs: 50 });
  for (const name of ['one', 'two']) expect((await watch.next()).value).toMatchObject({ name });
  const end = watch.next();
  expect(await visitor.cluster('watched')).toMatchObject({ epoch: 0, confirmed: 0n });
  const watching = members.map(async ({ session }) => {
    for await (const { name } of session.members('watched')) expect(['one', 'two']).toContain(name);
  });
  expect(await end).toEqual({ done: true, value: undefined });
  await Promise.all(watching);
  expect(await visitor.cluster('watched')).toMatchObject({ epoch: 1, confirmed: 0b11n });
});

describe('a yielded member that is evicted', () => {
  const evict = async (cluster: string, member: string) => {
    const { adminPort, dataDir } = registry.process;
    const flags = ['--admin', `127.0.0.1:${adminPort}`, '--data-dir', dataDir];
    expect(await runXlreg(['evict', cluster, member, ...flags])).toMatchObject({ code: 0 });
  };
  // These members do not watch.
  const joins = async (cluster: string, name: string) => {
    const { session } = await registry.identify(name);
    await session.create(cluster, { size: 3, confirmMs: 0 });
    await session.join(cluster);
  };

  it('is followed by the next member in its seat (R14)', async () => {
    for (const name of ['one', 'two']) await joins('evicted', name);
    const visitor = await visit(WAYS[0]);
    const watch = visitor.members('evicted', { pollMs: 50 });
    expect((await watch.next()).value).toMatchObject({ index: 0, name: 'one' });
    expect((await watch.next()).value).toMatchObject({ index: 1, name: 'two' });
    let next = watch.next();
    await evict('evicted', 'two');
    await joins('evicted', 'other');
    expect((await next).value).toMatchObject({ index: 1, name: 'other' });
    next = watch.next();
    await joins('evicted', 'last');
    expect((await next).value).toMatchObject({ index: 2, name: 'last' });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it('is noticed before the end, as is an empty seat, by a watcher that paused (R14)', async () => {
    for (const name of ['one', 'two']) await joins('late', name);
    const visitor = await visit(WAYS[3]);
    const watch = visitor.members('late', { pollMs: 50 });
    for (const name of ['one', 'two']) expect((await watch.next()).value).toMatchObject({ name });
    // A sighting is trusted for one second.
    const seen = performance.now();
    while (performance.now() < seen + 1_100) await visitor.cluster('late');
    await evict('late', 'one');
    await joins('late', 'other');
    await joins('late', 'last');
    await evict('late', 'two');
    const names: string[] = [];
    const rest = (async () => {
      for await (const { index, name } of watch) names.push(`${index} ${name}`);
    })();
    while (names.length < 2) await visitor.cluster('late');
    await joins('late', 'new');
    await rest;
    expect(names).toEqual(['2 last', '0 other', '1 new']);
    expect((await visitor.cluster('late')).members.map(({ name }) => name)).toEqual(['other', 'new', 'last']);
  });

  it('is not in the final roster of xlreg members (R14)', async () => {
    for (const name of ['one', 'two']) await joins('printed', name);
    const flags = ['--registry', join(registry.process.dataDir, 'regCred.dat')];
    const command = startXlreg(['members', 'printed', '--wait', '20', ...flags]);
    await command.said(/one, two joined/);
    await evict('printed', 'one');
    await joins('printed', 'other');
    await command.said(/other joined; 2 of 3 members/);
    await joins('printed', 'last');
    const { code, stdout } = await command.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^0 +other .*\n1 +two .*\n2 +last /m);
    expect(stdout).not.toMatch(/ one /);
  });
});

it('gathers a full cluster of 64 from partial replies', async () => {
  // In sealed one reply has room for all, and members with one key and no ID are one member.
  const way = { dialect: 'prefixed' } as const;
  const keys = newVisitor();
  const endPoints = ['127.0.0.1:4001'];
  const ids = await Promise.all(
    Array.from({ length: 64 }, async (_, place) => {
      const session = await registry.connect(way);
      const member: Member = { ...keys, attrs: 0n, name: `member-${place}`, endPoints };
      const { id } = await session.identify(member);
      await session.create('full', { size: 64 });
      await session.join('full');
      await session.bye();
      return id;
    }),
  );
  const session = await registry.connect(way);
  await session.identify(newMember({ name: 'reader', endPoints: [] }));
  const seen: ClusterMember[] = [];
  for await (const member of session.members('full')) seen.push(member);
  const whole = await session.cluster('full');
  expect(whole.members.map(({ id }) => id)).toEqual(seen.toSorted((a, b) => a.index - b.index).map(({ id }) => id));
  expect((await session.cluster('full', 2n ** 64n - 1n)).members.length).toBeLessThan(64);
  expect(seen.map(({ index }) => index).sort((one, other) => one - other)).toEqual(Array.from(Array(64).keys()));
  expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(ids));
});
