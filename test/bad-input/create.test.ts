// Bad Creates: rows B91 to B100. registry-full.test.ts has row B101.

import { expect } from 'vitest';
import { makeMemberKeys } from '../field/member-keys.ts';
import { type FieldMessage, type MessageInput, OP } from '../field/protobuf.ts';
import { type BothWays, onWires, type Row, testRows, useTarget, withEach } from './bad-input-harness.ts';
import { errorReply } from './endings.ts';

const target = useTarget();

const UINT32_MAX = 2 ** 32 - 1;
const create = (fields: MessageInput): MessageInput => ({ op: OP.Create, ...fields });

const rows: readonly Row[] = [
  {
    row: 'refuses Create, Join and GetCluster before Client (B91)',
    sends: [OP.Create, OP.Join, OP.GetCluster].flatMap((op) => [
      { op },
      { op, clusterName: 'witnesses' },
      { op, clusterId: Buffer.alloc(32) },
    ]),
    ends: errorReply('invalid msg type for current state'),
  },
  {
    row: 'refuses a missing or empty cluster name (B92)',
    as: 'identified',
    sends: [
      create({}),
      create({ clusterName: '' }),
      create({ clusterId: Buffer.alloc(32) }),
      create({ clusterSize: 2 }),
    ],
    ends: errorReply('missing cluster name or ID'),
  },
  {
    row: 'refuses a name of 129 to 15,000 bytes or with a forbidden character (B93)',
    as: 'identified',
    sends: [
      ...[129, 256, 15_000].map((length) => 'a'.repeat(length)),
      ...['.a', '-a', '..', 'a/b', '../etc/passwd', 'a b', 'a\nb', 'a\x1b[2J', 'a\u202eb', 'a\u00e9', '*', 'a:b', ' '],
    ].map((clusterName) => create({ clusterName, clusterSize: 2 })),
    ends: errorReply('invalid name'),
  },
  {
    row: 'refuses an EndPointCount of 0 (B97)',
    as: 'identified',
    sends: [create({ clusterName: 'never', endPointCount: 0 }), create({ clusterName: 'witnesses', endPointCount: 0 })],
    ends: errorReply('cluster members must have at least one endPoint'),
  },
];
testRows(target, rows);

/** A Create's reply, which Joins by this client and another must repeat. */
async function outcome(wire: BothWays, fields: MessageInput): Promise<FieldMessage> {
  const clusterName = target.unique('made');
  const myEnds = ['127.0.0.1:4001', '127.0.0.1:4002'];
  const { client } = await target.registry.register(wire, { name: 'one', myEnds });
  const created = await client.call(create({ clusterName, ...fields }), OP.CreateReply);
  expect(created.clusterId).toHaveLength(32);
  const other = await target.registry.register(wire, { name: 'two', myEnds });
  expect(await other.client.join(clusterName)).toEqual({ ...created, op: OP.JoinReply });
  return created;
}

onWires(target, 'returns the existing ID and properties for an existing name with another size (B94)', async (wire) => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => target.registry.register(wire, { name })));
  const clusterName = target.unique('twice');
  const first = await one!.client.call(
    create({ clusterName, clusterSize: 7, endPointCount: 1, clusterAttrs: 4 }),
    OP.CreateReply,
  );
  expect(first).toMatchObject({ clusterSize: 7, endPointCount: 1, clusterAttrs: 4n });
  const others = [{ clusterSize: 5 }, { clusterSize: 0 }, { endPointCount: 2 }, { clusterAttrs: 1 }, {}];
  for (const { client } of [one!, two!]) {
    for (const fields of others) {
      expect(await client.call(create({ clusterName, clusterSize: 64, ...fields }), OP.CreateReply)).toEqual(first);
    }
  }
  expect(await two!.client.join()).toEqual({ ...first, op: OP.JoinReply });
});

for (const [row, sizes] of [
  [
    'raises a size of 0 or 1 to 2 (B95)',
    [
      [0, 2],
      [1, 2],
    ],
  ],
  [
    'lowers a size of 65 or 2^32-1 to 64, and takes 2 for an absent one (B96)',
    [
      [65, 64],
      [UINT32_MAX, 64],
      [2 ** 31, 64],
      [undefined, 2],
    ],
  ],
  [
    'keeps a size of 2, 3, 63 or 64 (B96)',
    [
      [2, 2],
      [3, 3],
      [63, 63],
      [64, 64],
    ],
  ],
] as const) {
  onWires(target, row, async (wire) => {
    for (const [asked, given] of sizes) {
      expect(await outcome(wire, { clusterSize: asked })).toMatchObject({ clusterSize: given, endPointCount: 1 });
    }
  });
}

onWires(target, 'takes an absent EndPointCount for 1 (B97)', async (wire) => {
  expect(await outcome(wire, {})).toMatchObject({ endPointCount: 1 });
});

onWires(target, 'lowers an EndPointCount of 3 to 2^32-1 to 2 (B98)', async (wire) => {
  for (const endPointCount of [3, 4, 255, 2 ** 31, UINT32_MAX]) {
    expect(await outcome(wire, { endPointCount })).toMatchObject({ endPointCount: 2 });
  }
  for (const endPointCount of [1, 2]) expect(await outcome(wire, { endPointCount })).toMatchObject({ endPointCount });
});

onWires(target, 'serves a second Create in a session (B99)', async (wire) => {
  const { client } = await target.registry.register(wire, { name: 'peer' });
  const made: FieldMessage[] = [];
  for (const size of [3, 4, 5]) made.push(await client.create(target.unique('again'), size));
  expect(made.map(({ clusterSize }) => clusterSize)).toEqual([3, 4, 5]);
  expect(new Set(made.map(({ clusterId }) => clusterId!.toString('hex'))).size).toBe(3);
  // A Join without name and ID means the cluster created last.
  expect((await client.join()).clusterId).toEqual(made[2]!.clusterId);
  expect((await client.join(made[0]!.clusterId!)).clusterSize).toBe(3);
});

onWires(target, 'gives 100 clients that create one name at once the same ID (B100)', async (wire) => {
  const peers = Array.from({ length: 100 }, (_, i) => ({ i, keys: makeMemberKeys({ sig: i % 4 }) }));
  const sessions = new Map<number, Awaited<ReturnType<typeof target.client>>>();
  await withEach(peers, async ({ i, keys }) => {
    sessions.set(i, (await target.registry.register(wire, { name: `peer${i}`, keys })).client);
  });
  const clusterName = target.unique('one-for-all');
  const replies = await Promise.all(
    [...sessions].map(([i, client]) =>
      client.call(create({ clusterName, clusterSize: 2 + (i % 60), endPointCount: 1 + (i % 2) }), OP.CreateReply),
    ),
  );
  for (const reply of replies) expect(reply).toEqual(replies[0]);
  expect((await sessions.get(0)!.getCluster()).clusterId).toEqual(replies[0]!.clusterId);
});
