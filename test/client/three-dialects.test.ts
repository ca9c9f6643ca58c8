// One cluster of members in all three dialects, over both transports: it completes, and sealed members verify each other.
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClusterMember } from '../../src/client/index.ts';
import { exportSpki } from '../../src/wire/rsa-key.ts';
import { ALL_WAYS, ClientRegistry } from './client-registry.ts';

/** Two of each way. CLUSTER_SIZE=64 runs the largest cluster. */
const SIZE = Number(process.env.CLUSTER_SIZE ?? 2 * ALL_WAYS.length);

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

it('completes, and each reader sees the same members', async () => {
  const ways = Array.from({ length: SIZE }, (_, place) => ALL_WAYS[place % ALL_WAYS.length]!);
  const rosters = await Promise.all(
    ways.map(async (way, place) => {
      const { session } = await registry.identify(`m${place}`, way);
      await session.create('mixed', { size: SIZE });
      await session.join('mixed');
      const seats = new Map<number, ClusterMember>();
      for await (const member of session.members('mixed')) seats.set(member.index, member);
      await session.bye();
      return [...seats.values()].sort((one, other) => one.index - other.index);
    }),
  );
  const plain = (members: ClusterMember[]) =>
    members.map(({ index, name, id, endPoints, sigKey }) => {
      const key = exportSpki(createPublicKey({ key: exportSpki(sigKey), format: 'der', type: 'spki' })).toString('hex');
      return { index, name, id, endPoints, key };
    });
  for (const roster of rosters) {
    expect(roster).toHaveLength(SIZE);
    expect(plain(roster)).toEqual(plain(rosters[0]!));
  }
  for (const [place, { dialect }] of ways.entries()) {
    for (const { name, unverified } of rosters[place]!) {
      const isSealed = ways[Number(name.slice(1))]!.dialect === 'sealed';
      expect(unverified).toBe(dialect === 'sealed' && isSealed ? undefined : 'none');
    }
  }
});
