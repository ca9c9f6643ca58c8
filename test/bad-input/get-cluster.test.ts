// GetClusters: rows B114 to B120. rosters.test.ts has rows B121 and B122.

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { type MessageInput, OP } from '../field/protobuf.ts';
import { onWires, type Row, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply } from './endings.ts';

const target = useTarget();

const get = (fields: MessageInput): MessageInput => ({ op: OP.GetCluster, ...fields });

const rows: readonly Row[] = [
  {
    row: 'refuses a Get without ClusterID and name in a session without a cluster (B115)',
    as: 'identified',
    sends: [get({}), get({ which: 1 }), get({ clusterId: Buffer.alloc(0), clusterName: '' })],
    ends: errorReply('missing cluster name or ID'),
  },
  {
    row: 'refuses a Get of an unknown ID (B119)',
    as: 'joined',
    sends: [1, 19, 20, 21, 31, 32, 33, 10_000].flatMap((length) => [
      get({ clusterId: randomBytes(length) }),
      get({ clusterId: randomBytes(length), clusterName: 'witnesses' }),
    ]),
    ends: errorReply('cannot find cluster with this ID'),
  },
  {
    row: 'refuses a Get of an unknown name (B119)',
    as: 'joined',
    sends: ['nowhere', 'a'.repeat(15_000), '../witnesses'].map((clusterName) => get({ clusterName })),
    ends: errorReply('cannot find cluster with this name'),
  },
];
testRows(target, rows);

onWires(target, 'serves a Get before the Join (B114)', async (wire) => {
  const { client } = await target.registry.register(wire, { name: 'peer' });
  const { clusterId } = await client.create(target.unique('empty'), 2);
  const none = { op: OP.ClusterMembers, clusterId, which: 0n, tokens: [] };
  expect(await client.getCluster()).toMatchObject(none);
  expect(await client.getCluster(clusterId)).toMatchObject(none);
  await client.join();
  expect(await client.getCluster()).toMatchObject({ which: 1n, tokens: [{ name: 'peer' }] });
});

onWires(target, "takes the session's cluster for a Get without ClusterID (B115)", async (wire) => {
  const { client } = await target.registry.register(wire, { name: 'peer' });
  const made = await client.create(target.unique('mine'), 2);
  expect((await client.getCluster()).clusterId).toEqual(made.clusterId);
});

onWires(target, 'takes the cluster created or joined last for a Get without ClusterID (B115)', async (wire) => {
  const guests = target.unique('guests');
  const host = await target.registry.register(wire, { name: 'host' });
  const { clusterId } = await host.client.create(guests, 3);
  const { client } = await target.registry.register(wire, { name: 'peer' });
  await client.join(guests);
  expect((await client.getCluster()).clusterId).toEqual(clusterId);
  const made = await client.create(target.unique('mine'), 2);
  expect((await client.getCluster()).clusterId).toEqual(made.clusterId);
  await client.join(guests);
  expect((await client.getCluster()).clusterId).toEqual(clusterId);
});

onWires(
  target,
  'returns the members that Which selects: absent, 0, all bits, single bits (B116, B117, B118)',
  async (wire) => {
    const cluster = target.unique('which');
    const names = ['m0', 'm1', 'm2'];
    const members = [];
    for (const name of names) {
      const { client } = await target.registry.register(wire, { name });
      await client.create(cluster, 5);
      await client.join();
      members.push(client);
    }
    const all = 0b111n;
    const expected = new Map<bigint | undefined, bigint>([
      [undefined, all],
      [0n, 0n],
      [2n ** 64n - 1n, all],
      [1n << 63n, 0n],
      [(1n << 63n) | 1n, 1n],
      [2n ** 53n + 4n, 4n],
      [~all & (2n ** 64n - 1n), 0n],
      ...Array.from({ length: 64 }, (_, i) => [1n << BigInt(i), (1n << BigInt(i)) & all] as const),
    ]);
    for (const [asked, given] of expected) {
      const reply = await members[0]!.getCluster(undefined, asked);
      expect(reply.which).toBe(given);
      expect(reply.tokens.map(({ name }) => name)).toEqual(names.filter((_, i) => given & (1n << BigInt(i))));
    }
  },
);

onWires(
  target,
  'serves a Get by a client that is no member of the cluster (B120)',
  async (wire) => {
    const { client } = await target.registry.register(wire, { name: 'peer' });
    const byId = await client.getCluster(target.witnessed);
    expect(byId.tokens.map(({ name }) => name)).toEqual(['witness-tcp', 'witness-ws']);
    const byName = await client.call(get({ clusterName: 'witnesses' }), OP.ClusterMembers);
    expect(byName).toEqual(byId);
    // A GetCluster does not change the session's cluster.
    const reply = await client.request(get({}));
    expect(reply).toMatchObject({ op: OP.Error, errDesc: 'missing cluster name or ID' });
  },
  { 'fault cluster-not-named': 1 },
);
