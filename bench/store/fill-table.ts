// A table of so many members, written straight into a data directory.
import { randomBytes } from 'node:crypto';
import type { Change } from '../../src/registry/command.ts';
import { LmdbStore } from '../../src/store/lmdb-store.ts';

/** A token with two RSA-2048 keys and one end point. */
export const TOKEN_BYTES = 680;
const CLUSTER_SIZE = 8;
const BATCH = 4_000;

/** Fills the table of the registry with this ID (hex), in clusters of 8; returns its bytes on disk. */
export async function fillTable(directory: string, registryId: string, members: number): Promise<number> {
  const store = LmdbStore.open(directory, { registryId, bytesMax: undefined });
  const hex = () => randomBytes(32).toString('hex');
  let batch: Change[] = [];
  let clusterId = '';
  for (let i = 0; i < members; i++) {
    const index = i % CLUSTER_SIZE;
    if (index === 0) {
      clusterId = hex();
      batch.push({ kind: 'cluster', id: clusterId, name: `c${i}`, size: CLUSTER_SIZE, endPointCount: 1, attrs: 0n });
    }
    const client = { clientId: hex(), name: `node-${index}`, token: randomBytes(TOKEN_BYTES) };
    batch.push({ kind: 'client', ...client, sigKeyDigest: hex(), endPointCount: 1, ephemeral: false });
    batch.push({ kind: 'member', clusterId, index, ...client });
    if (batch.length >= BATCH || i === members - 1) {
      await store.commit(batch);
      batch = [];
    }
  }
  const bytes = store.size();
  await store.close();
  return bytes;
}
