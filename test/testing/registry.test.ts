// A registry inside the process of a test: it serves like any other, restarts, and leaves nothing behind.
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { connect, joinCluster, RegistryUnreachable, RegistryUntrusted } from '../../src/client/index.ts';
import { startRegistry, TEST_MEMBERS_MAX, withCluster } from '../../src/testing/index.ts';
import { keyFingerprint } from '../../src/wire/rsa-key.ts';

describe('startRegistry', () => {
  it.each([
    ['sealed', 'tcp'],
    ['prefixed', 'tcp'],
    ['chained', 'ws'],
    ['sealed', 'ws'],
  ] as const)('serves %s over %s', async (dialect, transport) => {
    await using registry = await startRegistry();
    const way = { dialect, ...(transport === 'ws' && { connect: registry.webSocketUrl }) };
    const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => registry.connect(name, way)));
    const { clusterId } = await alice!.create('demo', { size: 2, confirmMs: 0 });
    const names: string[] = [];
    const watching = (async () => {
      for await (const { name } of alice!.members('demo')) names.push(name);
    })();
    await alice!.join('demo');
    await bob!.join({ id: clusterId });
    await watching;
    expect(names.sort()).toEqual(['alice', 'bob']);
    const { members } = await bob!.cluster('demo');
    expect(members.map(({ verified }) => verified)).toEqual([dialect === 'sealed', dialect === 'sealed']);
  });

  it('gives a name the same member, and each name another', async () => {
    await using registry = await startRegistry();
    expect(registry.member('a').id).toBe(registry.member('a').id);
    expect(registry.member('a').id).not.toBe(registry.member('b').id);
    expect(registry.member('a', { endPoints: ['127.0.0.1:1'] }).endPoints).toEqual(['127.0.0.1:1']);
    for (let count = 2; count < TEST_MEMBERS_MAX; count++) registry.member(`m${count}`);
    expect(() => registry.member('one-more')).toThrow(RangeError);
  });

  it('has identity stores for joinCluster(), with keys that are there', async () => {
    await using registry = await startRegistry();
    const join = (name: string) => {
      const member = { name, endPoints: ['127.0.0.1:4001'], store: registry.store(name) };
      return joinCluster({
        registry: registry.url,
        fingerprint: registry.fingerprint,
        cluster: 'pair',
        size: 2,
        ...member,
      });
    };
    const clusters = await Promise.all(['carol', 'dave'].map(join));
    for (const cluster of clusters) {
      expect(
        cluster
          .members()
          .map(({ name }) => name)
          .sort(),
      ).toEqual(['carol', 'dave']);
    }
    await clusters[0]!.close();
    await using again = await join('carol');
    expect(again.self.id).toBe(registry.member('carol').id);
    await clusters[1]!.close();
  });

  it('serves its credentials by HTTP, and has other keys by number', async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry({ keys: 1 });
    expect(await (await fetch(registry.url)).text()).toBe(registry.regCredText);
    expect(registry.fingerprint).toBe(keyFingerprint(registry.regCred.sigKey));
    expect(other.fingerprint).not.toBe(registry.fingerprint);
    const impostor = connect(registry.regCred, { connect: other.address, dialect: 'prefixed', helloTries: 1 });
    await expect(impostor).rejects.toThrow();
  });

  it('tells a registry with the same keys and another ID apart', async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry();
    const session = connect(registry.regCred, { connect: other.address });
    await expect(session).rejects.toThrow(RegistryUntrusted);
  });

  it.each([
    ['memory', false],
    ['lmdb', true],
  ] as const)('restarts on its ports with its identity; store %s keeps the table: %s', async (store, keeps) => {
    await using registry = await startRegistry({ store });
    const { address, regCredText } = registry;
    const before = await registry.connect('alice');
    await before.create('demo', { size: 2 });
    await before.join('demo');
    await registry.restart();
    await expect(before.credentials()).rejects.toThrow(RegistryUnreachable);
    expect([registry.address, registry.regCredText]).toEqual([address, regCredText]);
    const after = await registry.connect('alice');
    const { existed } = await after.create('demo', { size: 2 });
    expect(existed).toBe(keeps);
    expect((await after.cluster('demo')).members).toHaveLength(keeps ? 1 : 0);
  });

  it('stops while sessions and waits are open, and removes its files', async () => {
    const registry = await startRegistry();
    const session = await registry.connect('alice');
    await session.create('demo', { size: 2 });
    await session.join('demo');
    const outside = await connect(registry.regCred);
    const watch = session.members('demo', { follow: true });
    await watch.next();
    const waiting = watch.next();
    waiting.catch(() => {});
    await registry.stop();
    await expect(waiting).rejects.toThrow(RegistryUnreachable);
    await expect(outside.credentials()).rejects.toThrow();
    await expect(connect(registry.regCred)).rejects.toThrow(RegistryUnreachable);
    expect(() => registry.regCredText).toThrow('the test registry is stopped');
    await registry.stop();
  });

  it('rejects a wrong setting, a port in use, and keys that it has not', async () => {
    await expect(startRegistry({ settings: { 'max-wait-ms': 'soon' } })).rejects.toThrow('max-wait-ms');
    await using registry = await startRegistry();
    const port = Number(registry.address.split(':')[1]);
    await expect(startRegistry({ port })).rejects.toThrow('in use');
    await expect(startRegistry({ keys: 4 })).rejects.toThrow(RangeError);
  });
});

describe('withCluster', () => {
  it('forms a cluster, passes the result on, and cleans up', async () => {
    const { registry, ids } = await withCluster(3, async ({ registry, clusterId, members }) => {
      expect(members.map(({ member }) => member.name)).toEqual(['member-0', 'member-1', 'member-2']);
      for (const { roster } of members) {
        expect(roster).toMatchObject({ clusterId, size: 3, epoch: 1 });
        expect(roster.members.map(({ name, verified }) => [name, verified])).toEqual(
          members.map(({ member }) => [member.name, true]),
        );
      }
      return { registry, ids: members.map(({ member }) => member.id) };
    });
    expect(new Set(ids).size).toBe(3);
    await expect(connect(registry.regCred)).rejects.toThrow(RegistryUnreachable);
  });

  it('stops its registry when the function rejects', async () => {
    let address = '';
    const failing = withCluster(2, ({ registry }) => {
      address = registry.address;
      throw new Error('the test failed');
    });
    await expect(failing).rejects.toThrow('the test failed');
    await using next = await startRegistry({ port: Number(address.split(':')[1]) });
    expect(next.address).toBe(address);
  });

  it('uses a registry that is there, and leaves it', async () => {
    await using registry = await startRegistry();
    await withCluster(2, () => {}, { registry, name: 'one' });
    await withCluster(4, ({ members }) => expect(members).toHaveLength(4), { registry, name: 'two' });
    const session = await registry.connect('member-0');
    expect((await session.cluster('one')).members).toHaveLength(2);
  });

  it('forms the largest cluster', async () => {
    await withCluster(64, ({ members }) => expect(members[63]!.roster.members).toHaveLength(64));
  });

  it.each([1, 65, 2.5])('refuses %s members', async (size) => {
    await expect(withCluster(size, () => {})).rejects.toThrow(RangeError);
  });
});

it('leaves no directory behind', async () => {
  const mine = () => readdirSync(tmpdir()).filter((name) => name.startsWith('xlreg-testing-'));
  const before = new Set(mine());
  const registry = await startRegistry();
  const [made] = mine().filter((name) => !before.has(name));
  expect(made).toBeDefined();
  await registry.stop();
  expect(existsSync(`${tmpdir()}/${made}`)).toBe(false);
});
