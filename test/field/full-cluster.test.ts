// Full clusters: 64 members, also joining at the same time, in replies that clients of the field can read.

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, FIELD_BUFFER_BYTES } from './field-client.ts';
import { FieldRegistry, type Registered, WIRES } from './field-registry.ts';
import { makeMemberKeys } from './member-keys.ts';
import { type FieldMessage, OP } from './protobuf.ts';

const SIZE = 64;
const ALL = 2n ** 64n - 1n;

let registry: FieldRegistry;
beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--workers', '2', '--hello-timeout-ms', '60000'] });
});
afterEach(() => registry.closeClients());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

/** Registers this many clients, over TCP in one dialect or over all wires in turn. They share four SigKeys. */
async function registerMany(count: number, dialect?: Dialect): Promise<Registered[]> {
  const wires = WIRES.filter((wire) => dialect === undefined || (wire.dialect === dialect && wire.transport === 'tcp'));
  const numbers = Array.from({ length: count }, (_, i) => i);
  return await Promise.all(
    numbers.map((i) =>
      registry.register(wires[i % wires.length]!, { name: `m${i}`, keys: makeMemberKeys({ sig: i % 4 }) }),
    ),
  );
}

/** The indexes of the set bits, lowest first. */
function indexes(which: bigint): number[] {
  return Array.from({ length: SIZE }, (_, i) => i).filter((i) => (which >> BigInt(i)) & 1n);
}

/** Adds a reply's members to a roster; asserts that known members are unchanged. */
function learn(roster: Map<number, string>, reply: FieldMessage): void {
  const bits = indexes(reply.which!);
  expect(reply.tokens).toHaveLength(bits.length);
  for (const [k, index] of bits.entries()) {
    const id = reply.tokens[k]!.id!.toString('hex');
    expect(roster.get(index) ?? id).toBe(id);
    roster.set(index, id);
  }
}

/** Asks until all members are known: each time for all, or only for the missing ones. */
async function learnAll(member: Registered, ask: 'all' | 'missing'): Promise<{ ids: string[]; replies: number }> {
  const roster = new Map<number, string>();
  let replies = 0;
  while (roster.size < SIZE && replies < SIZE) {
    const known = [...roster.keys()].reduce((bits, index) => bits | (1n << BigInt(index)), 0n);
    learn(roster, await member.client.getCluster(undefined, ask === 'all' ? undefined : ALL & ~known));
    replies++;
  }
  return { ids: indexes(ALL).map((index) => roster.get(index) ?? 'missing'), replies };
}

describe.each(['chained', 'prefixed'] as const)('64 %s members over TCP', (dialect) => {
  it('returns all members to each, in replies of at most 16,384 bytes', async () => {
    const members = await registerMany(SIZE, dialect);
    const name = `full-${dialect}`;
    const created = await members[0]!.client.create(name, SIZE);
    for (const { client } of members) {
      expect(await client.join(name)).toEqual({ ...created, op: OP.JoinReply });
    }
    const ids = members.map(({ clientId }) => clientId.toString('hex'));
    const learned = await Promise.all(members.map((member, i) => learnAll(member, i % 2 ? 'all' : 'missing')));

    const lengths = members.map(({ client }) =>
      client.received.filter(({ message }) => message.op === OP.ClusterMembers).map(({ wire }) => wire.length),
    );
    for (const [i, { ids: seen, replies }] of learned.entries()) {
      expect(seen, `what member ${i} learned`).toEqual(ids);
      expect(lengths[i]).toHaveLength(replies);
      // 64 tokens of some 700 bytes need at least three replies; four are enough.
      expect(replies).toBeGreaterThanOrEqual(3);
      expect(replies).toBeLessThanOrEqual(4);
    }
    expect(Math.max(...lengths.flat())).toBeLessThanOrEqual(FIELD_BUFFER_BYTES);
    for (const { client } of members) {
      for (const { message } of client.received) {
        for (const token of message.tokens) expect(token).not.toHaveProperty('digSig');
      }
    }
  });
});

describe('clients that join at the same time over every wire', () => {
  it('gives 64 clients 64 indexes of one cluster, and refuses a 65th', async () => {
    const members = await registerMany(SIZE + 1);
    const late = members.pop()!;
    await members[0]!.client.create('rush', SIZE);
    await Promise.all(members.map(({ client }) => client.join('rush')));

    expect(await late.client.request({ op: OP.Join, clusterName: 'rush' })).toEqual({
      op: OP.Error,
      errDesc: 'cluster is full',
      tokens: [],
    });
    expect((await late.client.waitClosed()).bytes).toHaveLength(0);

    const learned = await Promise.all(members.map((member) => learnAll(member, 'missing')));
    const ids = members.map(({ clientId }) => clientId.toString('hex'));
    expect(learned[0]!.ids.toSorted()).toEqual(ids.toSorted());
    for (const { ids: seen } of learned) expect(seen).toEqual(learned[0]!.ids);

    await Promise.all(members.map(({ client }) => client.join('rush')));
    expect((await learnAll(members[5]!, 'all')).ids).toEqual(learned[0]!.ids);
  });

  it('gives 100 clients that create one name one cluster', async () => {
    const clients = await registerMany(100);
    const replies = await Promise.all(clients.map(({ client }, i) => client.create('one-name', 2 + (i % 60))));
    for (const reply of replies) expect(reply).toEqual(replies[0]);
    const { clusterId } = await clients[7]!.client.join('one-name');
    expect(clusterId).toEqual(replies[0]!.clusterId);
  });
});
