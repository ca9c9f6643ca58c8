// Large rosters and many GetClusters: rows B118, B121 and B122.

import { beforeAll, describe, expect, it } from 'vitest';
import type { FieldClient } from '../field/field-client.ts';
import { WIRES } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { OP } from '../field/protobuf.ts';
import { THOROUGH } from '../support/thorough.ts';
import { type BothWays, type Target, useTarget, withEach } from './bad-input-harness.ts';

const SIZE = 64;
const ALL = 2n ** 64n - 1n;
const SMALL_REPLY = 1_400;

const target = useTarget();
const small = useTarget(['--reply-bytes-max', `${SMALL_REPLY}`]);

/** Fills a cluster; the member of index i is called `m<i>`. */
async function fill(of: Target): Promise<void> {
  const members = Array.from({ length: SIZE }, (_, i) => i);
  const clients: FieldClient[] = [];
  await withEach(members, async (i) => {
    const wire = WIRES[i % WIRES.length]!;
    const keys = makeMemberKeys({ sig: i % 4 });
    clients[i] = (await of.registry.register(wire, { name: `m${i}`, keys })).client;
  });
  await clients[0]!.create('full', SIZE);
  for (const client of clients) await client.join('full');
}

beforeAll(async () => {
  await fill(target);
  await fill(small);
});

/** The indexes of the set bits. */
const indexes = (which: bigint): number[] =>
  Array.from({ length: SIZE }, (_, i) => i).filter((i) => (which >> BigInt(i)) & 1n);

/**
 * Asks for all members until each has come. Returns the indexes of each reply, and asserts that the names match them.
 */
async function askForAll(client: FieldClient): Promise<number[][]> {
  const replies: number[][] = [];
  while (new Set(replies.flat()).size < SIZE) {
    const { which, tokens } = await client.call({ op: OP.GetCluster, clusterName: 'full' }, OP.ClusterMembers);
    const bits = indexes(which!);
    expect(tokens.map(({ name }) => name)).toEqual(bits.map((i) => `m${i}`));
    for (const token of tokens) expect(token).not.toHaveProperty('digSig');
    expect(bits.length).toBeGreaterThan(0);
    replies.push(bits);
    expect(replies.length).toBeLessThanOrEqual(SIZE);
  }
  return replies;
}

async function visitor(of: Target, wire: BothWays): Promise<FieldClient> {
  return (await of.registry.register(wire, { name: 'visitor', attrs: 2, myEnds: [] })).client;
}

describe.each(WIRES)('$transport, $dialect', (wire) => {
  const way = `(${wire.transport}, ${wire.dialect})`;

  it(`returns the member of each single bit, bit 63 included ${way} (B118)`, async () => {
    const client = await visitor(target, wire);
    for (let i = 0; i < SIZE; i++) {
      const which = 1n << BigInt(i);
      const reply = await client.call({ op: OP.GetCluster, clusterName: 'full', which }, OP.ClusterMembers);
      expect(reply.which).toBe(which);
      expect(reply.tokens.map(({ name }) => name)).toEqual([`m${i}`]);
    }
    const ends = (1n << 63n) | 1n;
    const reply = await client.call({ op: OP.GetCluster, clusterName: 'full', which: ends }, OP.ClusterMembers);
    expect(reply.tokens.map(({ name }) => name)).toEqual(['m0', 'm63']);
  });

  it(`splits 64 members over replies of up to 16,384 bytes on TCP, one behind the other ${way} (B121)`, async () => {
    const client = await visitor(target, wire);
    const replies = await askForAll(client);
    const inTurn = Array.from({ length: SIZE }, (_, i) => i);
    if (wire.transport === 'ws') {
      expect(replies).toEqual([inTurn]);
      return;
    }
    expect(replies.slice(0, -1).flat()).toEqual(inTurn.slice(0, replies.slice(0, -1).flat().length));
    expect(replies.length).toBeGreaterThanOrEqual(3);
    expect(replies.length).toBeLessThanOrEqual(4);
    for (const { wire: bytes } of client.received) expect(bytes.length).toBeLessThanOrEqual(16_384);
    expect(
      (await client.call({ op: OP.GetCluster, clusterName: 'full', which: ALL }, OP.ClusterMembers)).which,
    ).not.toBe(0n);
  });

  it(`splits 64 members over replies of a lower configured bound ${way} (B121)`, async () => {
    const client = await visitor(small, wire);
    const replies = await askForAll(client);
    if (wire.transport === 'ws') return expect(replies).toHaveLength(1);
    expect(replies.slice(0, 32).flat()).toEqual(
      Array.from({ length: replies.slice(0, 32).flat().length }, (_, i) => i % SIZE),
    );
    for (const { wire: bytes } of client.received) expect(bytes.length).toBeLessThanOrEqual(SMALL_REPLY);
  });
});

describe('10,000 GetClusters in a row', () => {
  const COUNT = 10_000;
  const GROWTH_BYTES = 16 * 1024 * 1024;

  it.each(THOROUGH ? [WIRES[1]!, WIRES[2]!] : [WIRES[1]!])(
    'keeps memory flat ($transport, $dialect) (B122)',
    async (wire) => {
      const client = await target.joined(wire);
      const growth: number[] = [];
      let resident = await target.metric('process_resident_memory_bytes');
      expect(resident).toBeGreaterThan(0);
      // The garbage collector's spaces grow to a bound. A leak of 2 KB per message would exceed it in every run.
      for (let run = 0; run < 5 && (growth.at(-1) ?? Infinity) > GROWTH_BYTES; run++) {
        for (let i = 0; i < COUNT; i++) {
          const { which } = await client.getCluster();
          if (which !== 1n) throw new Error(`reply ${i} has Which ${which}`);
        }
        const before = resident;
        resident = await target.metric('process_resident_memory_bytes');
        growth.push(resident - before);
      }
      expect(growth.at(-1), `growth of ${growth}`).toBeLessThan(GROWTH_BYTES);
      await client.bye();
    },
    120_000,
  );
});
