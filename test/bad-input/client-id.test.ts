// Client messages with a bad or foreign ID, rows B81 to B83, and a second Client message, row B90.

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { makeMemberKeys, signedToken, type TokenOptions } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { onWires, type Row, type Sends, testRows, useTarget, withEach } from './bad-input-harness.ts';
import { errorReply } from './endings.ts';

const target = useTarget();

const keys = makeMemberKeys();
const others = makeMemberKeys({ sig: 1 });

/** A Client message whose token is good but for the fields given. */
const client = (token: Partial<TokenOptions>): Sends => ({
  op: OP.Client,
  clientSpecs: signedToken({ name: 'peer', myEnds: ['127.0.0.1:4001'], keys, ...token }),
});

const rows: readonly Row[] = [
  {
    row: 'refuses an ID of 0, 1, 19, 21, 31 or 33 bytes (B82)',
    sends: [0, 1, 19, 21, 31, 33, 10_000].flatMap((length) => [
      client({ id: randomBytes(length) }),
      client({ id: randomBytes(length), signWithId: true }),
    ]),
    ends: errorReply('bad length for nodeID'),
  },
  {
    row: 'refuses a ClientID of 0, 1, 19, 21, 31 or 33 bytes in place of a token (B82)',
    sends: [0, 1, 19, 21, 31, 33, 10_000].map((length) => ({
      op: OP.Client,
      clientId: randomBytes(length),
      digSig: Buffer.alloc(256),
    })),
    ends: errorReply('bad length for nodeID'),
  },
  {
    row: 'refuses an ID of zeros (B83)',
    sends: [20, 32].map((length) => client({ id: Buffer.alloc(length) })),
    ends: errorReply('ID already in use'),
  },
  {
    row: "refuses the registry's ID (B83)",
    sends: [
      (session) =>
        session.encrypt({ op: OP.Client, clientSpecs: signedToken({ name: 'peer', id: target.registry.file.id }) }),
    ],
    ends: errorReply('ID already in use'),
  },
];
testRows(target, rows);

for (const as of ['identified', 'joined'] as const) {
  testRows(target, [
    {
      row: `refuses a second Client message of a session that is ${as} (B90)`,
      as,
      sends: [client({}), client({ keys: others }), { op: OP.Client }, { op: OP.Client, clientId: Buffer.alloc(32) }],
      ends: errorReply('invalid msg type for current state'),
    },
  ]);
}

onWires(target, 'assigns 32 random bytes in place of an absent ID (B81)', async (wire) => {
  const ids = new Set<string>();
  await withEach(Array.from({ length: 32 }), async () => {
    const { clientId } = await target.registry.register(wire, { name: 'peer' });
    expect(clientId).toHaveLength(32);
    ids.add(clientId.toString('hex'));
  });
  expect(ids.size).toBe(32);
});

onWires(
  target,
  "refuses a cluster's ID, and an ID bound to another SigKey (B83)",
  async (wire) => {
    const owner = await target.registry.register(wire, { name: 'owner', keys });
    const { clusterId } = await owner.client.create(target.unique('taken'), 2);
    const old = await target.registry.register(wire, { name: 'old', keys, id: randomBytes(20) });
    const taken: Partial<TokenOptions>[] = [
      { id: clusterId },
      { id: owner.clientId, keys: others },
      { id: old.clientId, keys: others },
    ];
    for (const token of taken) {
      const session = await target.registry.connect(wire);
      const reply = await session.request({
        op: OP.Client,
        clientSpecs: signedToken({ name: 'peer', keys, ...token }),
      });
      expect(reply).toEqual({ op: OP.Error, errDesc: 'ID already in use', tokens: [] });
    }
    // The owner's registration is unchanged, so the owner may return.
    await owner.client.join();
    const again = await target.registry.register(wire, { name: 'owner', keys, id: owner.clientId });
    expect(again.clientId).toEqual(owner.clientId);
  },
  { 'refusal id-in-use': 3 },
);
