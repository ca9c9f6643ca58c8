// Makes up a table of any size and writes it directly into a data directory.
import { randomBytes } from 'node:crypto';
import type { ClientRecord, ClusterRecord, MemberRecord } from '../../src/registry/command.ts';
import { LmdbStore } from '../../src/store/lmdb/lmdb-store.ts';

/** A token with two RSA-2048 keys and one end point. */
export const TOKEN_BYTES = 680;
const CLUSTER_SIZE = 8;
const BATCH = 4_000;

type Made = ClientRecord | ClusterRecord | MemberRecord;

/** Yields the changes that make `members` members in clusters of 8, in pieces of about `batch` changes. */
export function* changesOf(members: number, batch: number): Generator<Made[]> {
  const hex = () => randomBytes(32).toString('hex');
  const names = randomBytes(8).toString('hex');
  let changes: Made[] = [];
  let clusterId = '';
  for (let i = 0; i < members; i++) {
    const index = i % CLUSTER_SIZE;
    if (index === 0) {
      clusterId = hex();
      const name = `c${names}-${i}`;
      changes.push({ kind: 'cluster', id: clusterId, name, size: CLUSTER_SIZE, endPointCount: 1, attrs: 0n });
    }
    const client = { clientId: hex(), name: `node-${index}`, token: randomBytes(TOKEN_BYTES) };
    changes.push({ kind: 'client', ...client, sigKeyDigest: hex(), endPointCount: 1, ephemeral: false });
    changes.push({ kind: 'member', clusterId, index, ...client });
    if (changes.length < batch && i < members - 1) continue;
    yield changes;
    changes = [];
  }
}

/** Fills the table of the registry with this ID (hex); resolves to its bytes on disk. */
export async function fillTable(directory: string, registryId: string, members: number): Promise<number> {
  const store = LmdbStore.open(directory, { registryId, bytesMax: undefined });
  for (const changes of changesOf(members, BATCH)) await store.commit(changes);
  const bytes = store.size();
  await store.close();
  return bytes;
}
