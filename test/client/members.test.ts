// Watching a cluster fill up, on a real registry: members are yielded as they join, each once, until it is full.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterMember, createMember, createVisitor, type Member } from '../../src/client/index.ts';
import { ClientRegistry, WAYS } from './client-registry.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterEach(() => registry.closeSessions());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

async function visit(way: (typeof WAYS)[number]) {
  const session = await registry.connect(way);
  await session.identify(await createVisitor());
  return session;
}

describe.each(WAYS)('$dialect over $transport', (way) => {
  const unique = (name: string): string => `${name}-${way.dialect}-${way.transport}`;

  it('yields members as they appear and ends when the cluster is full', async () => {
    const cluster = unique('filling');
    const first = await registry.identify('one', way);
    await first.session.create(cluster, { size: 3 });
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

  it('stops when aborted, with the reason, and leaves the session alone', async () => {
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

  it('ends with the members there are when told not to wait', async () => {
    const cluster = unique('now');
    const { session } = await registry.identify('one', way);
    await session.create(cluster, { size: 2 });
    const seen: ClusterMember[] = [];
    for await (const member of session.members(cluster, { wait: false })) seen.push(member);
    expect(seen).toEqual([]);
  });
});

it('gathers a full cluster of 64 from replies that cannot hold it', async () => {
  const keys = await createVisitor();
  const endPoints = ['127.0.0.1:4001'];
  const ids = await Promise.all(
    Array.from({ length: 64 }, async (_, place) => {
      const session = await registry.connect();
      const member: Member = { ...keys, attrs: 0n, name: `member-${place}`, endPoints };
      const { id } = await session.identify(member);
      await session.create('full', { size: 64 });
      await session.join('full');
      await session.bye();
      return id;
    }),
  );
  const session = await registry.connect();
  await session.identify(await createMember({ name: 'reader', endPoints: [] }));
  const seen: ClusterMember[] = [];
  for await (const member of session.members('full')) seen.push(member);
  expect(seen.map(({ index }) => index).sort((one, other) => one - other)).toEqual(Array.from(Array(64).keys()));
  expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(ids));
});
