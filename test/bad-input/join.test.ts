// Joins: rows B102 to B113, wrong ones and unusual valid ones.

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { FieldClient } from '../field/field-client.ts';
import { makeMemberKeys, signedToken } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { type BothWays, onWires, type Row, testRows, useTarget } from './bad-input-harness.ts';
import { errorReply, expectClosed } from './endings.ts';

const target = useTarget();

const WRONG_IDS = [1, 19, 20, 21, 31, 32, 33, 10_000].map((length) => randomBytes(length));

const rows: readonly Row[] = [
  {
    row: 'refuses a Join to an unknown name, possible or impossible (B102)',
    as: 'identified',
    sends: ['nowhere', 'Witnesses', 'witnesses ', 'a'.repeat(129), 'a'.repeat(15_000), '../witnesses', 'a\nb'].map(
      (clusterName) => ({ op: OP.Join, clusterName }),
    ),
    ends: errorReply('cannot find cluster with this name'),
  },
  {
    row: 'refuses a Join to an unknown ID, of 1 B to 10 KB (B103)',
    as: 'identified',
    sends: WRONG_IDS.map((clusterId) => ({ op: OP.Join, clusterId })),
    ends: errorReply('cannot find cluster with this ID'),
  },
  {
    row: 'refuses a Join to a good ID with a byte too many or too few (B103)',
    as: 'identified',
    sends: [33, 31, 1].map((length) => (client: FieldClient) => {
      const clusterId = Buffer.concat([target.witnessed, Buffer.alloc(1)]).subarray(0, length);
      return client.encrypt({ op: OP.Join, clusterId });
    }),
    ends: errorReply('cannot find cluster with this ID'),
  },
  {
    row: 'refuses a Join with neither name nor ID before a Create (B106)',
    as: 'identified',
    sends: [{ op: OP.Join }, { op: OP.Join, clusterName: '', clusterId: Buffer.alloc(0) }],
    ends: errorReply('missing cluster name or ID'),
  },
  {
    row: 'refuses a Join with a known name and an unknown ID (B108)',
    as: 'identified',
    sends: [{ op: OP.Join, clusterName: 'witnesses', clusterId: randomBytes(32) }],
    ends: errorReply('cannot find cluster with this ID'),
  },
];
testRows(target, rows);

/** Sends a Join that must be refused with this text. */
async function refusedJoin(client: FieldClient, clusterName: string, errDesc: string): Promise<void> {
  const reply = await client.request({ op: OP.Join, clusterName });
  expect(reply).toEqual({ op: OP.Error, errDesc, tokens: [] });
  await expectClosed(client, false);
}

async function register(wire: BothWays, name: string, myEnds = ['127.0.0.1:4001']): Promise<FieldClient> {
  return (await target.registry.register(wire, { name, myEnds })).client;
}

onWires(
  target,
  'refuses a Join with fewer MyEnds than the cluster asks for (B104)',
  async (wire) => {
    for (const [count, ends] of [
      [1, 0],
      [2, 0],
      [2, 1],
    ] as const) {
      const cluster = target.unique('ends');
      const maker = await register(wire, 'maker', ['127.0.0.1:1', '127.0.0.1:2']);
      await maker.create(cluster, 2, count);
      await maker.join();
      const peer = await register(wire, 'peer', Array(ends).fill('127.0.0.1:1'));
      await refusedJoin(peer, cluster, `member must have at least ${count} endPoints`);
      expect((await maker.getCluster()).tokens).toHaveLength(1);
    }
  },
  { 'refusal one-end-point-needed': 1, 'refusal two-end-points-needed': 2 },
);

onWires(target, 'joins the created cluster for a Join with neither name nor ID (B107)', async (wire) => {
  const client = await register(wire, 'peer');
  const created = await client.create(target.unique('mine'), 4);
  expect(await client.join()).toEqual({ ...created, op: OP.JoinReply });
  const empty = { op: OP.Join, clusterName: '', clusterId: Buffer.alloc(0) };
  expect(await client.call(empty, OP.JoinReply)).toEqual({ ...created, op: OP.JoinReply });
  expect((await client.getCluster()).tokens).toHaveLength(1);
});

onWires(target, 'prefers the ID where name and ID contradict (B108)', async (wire) => {
  const client = await register(wire, 'peer');
  const named = target.unique('named');
  await client.create(named, 3);
  const meant = await client.create(target.unique('meant'), 4);
  const both = { op: OP.Join, clusterName: named, clusterId: meant.clusterId };
  expect(await client.call(both, OP.JoinReply)).toEqual({ ...meant, op: OP.JoinReply });
  const unknown = { ...both, clusterName: target.unique('unknown') };
  expect(await client.call(unknown, OP.JoinReply)).toEqual({ ...meant, op: OP.JoinReply });
});

onWires(
  target,
  "refuses new members to a full cluster, and serves its members' repeated Joins (B109)",
  async (wire) => {
    const cluster = target.unique('full');
    const members = [await register(wire, 'one'), await register(wire, 'two')];
    await members[0]!.create(cluster, 2);
    for (const member of members) await member.join(cluster);
    await refusedJoin(await register(wire, 'three'), cluster, 'cluster is full');
    // A full cluster is reported before a name in use.
    await refusedJoin(await register(wire, 'one'), cluster, 'cluster is full');
    for (const member of members) await member.join(cluster);
    expect((await members[0]!.getCluster()).tokens.map(({ name }) => name)).toEqual(['one', 'two']);
  },
  { 'refusal cluster-full': 2 },
);

onWires(
  target,
  "refuses a member's name under another ID (B110)",
  async (wire) => {
    const cluster = target.unique('names');
    const first = await register(wire, 'same');
    await first.create(cluster, 3);
    await first.join();
    await refusedJoin(await register(wire, 'same'), cluster, 'cluster member name already in use');
    expect((await first.getCluster()).which).toBe(1n);
    // Names are case-sensitive, and unique only within a cluster.
    await (await register(wire, 'Same')).join(cluster);
    const elsewhere = await register(wire, 'same');
    await elsewhere.create(target.unique('names'), 2);
    await elsewhere.join();
  },
  { 'refusal member-name-in-use': 1 },
);

onWires(target, 'keeps the index and replaces the token when a member joins again (B111)', async (wire) => {
  const cluster = target.unique('return');
  const keys = makeMemberKeys({ sig: 1 });
  const first = await target.registry.register(wire, { name: 'returner', keys });
  const created = await first.client.create(cluster, 2);
  await first.client.join();
  await (await register(wire, 'other')).join(cluster);
  for (const [at, name] of ['returner', 'renamed', 'returner'].entries()) {
    const myEnds = [`127.0.0.1:${5000 + at}`];
    const again = await target.registry.register(wire, { name, keys, id: first.clientId, myEnds });
    expect(await again.client.join(cluster)).toEqual({ ...created, op: OP.JoinReply });
    const { which, tokens } = await first.client.getCluster();
    expect(which).toBe(0b11n);
    expect(tokens.map((token) => [token.name, token.myEnds])).toEqual([
      [name, myEnds],
      ['other', ['127.0.0.1:4001']],
    ]);
  }
});

onWires(
  target,
  "refuses a member's ID under another SigKey, at the Client message (B112)",
  async (wire) => {
    const cluster = target.unique('stolen');
    const owner = await target.registry.register(wire, { name: 'owner' });
    await owner.client.create(cluster, 2);
    await owner.client.join();
    const thief = await target.registry.connect(wire);
    const token = signedToken({ name: 'owner', id: owner.clientId, keys: makeMemberKeys({ sig: 1 }) });
    const reply = await thief.request({ op: OP.Client, clientSpecs: token });
    expect(reply).toEqual({ op: OP.Error, errDesc: 'ID already in use', tokens: [] });
    await expectClosed(thief, false);
    expect((await owner.client.getCluster()).tokens).toMatchObject([{ sigKey: owner.keys.sigKey }]);
  },
  { 'refusal id-in-use': 1 },
);

onWires(target, 'serves a second Join in a session, to another cluster (B113)', async (wire) => {
  const client = await register(wire, 'peer');
  const made = [await client.create(target.unique('first'), 2), await client.create(target.unique('second'), 3)];
  for (const { clusterId } of made) await client.join(clusterId!);
  for (const { clusterId } of made) {
    expect((await client.getCluster(clusterId!)).tokens.map(({ name }) => name)).toEqual(['peer']);
  }
  expect((await client.getCluster()).clusterId).toEqual(made[1]!.clusterId);
});
