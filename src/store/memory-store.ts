// Keeps records for as long as the process lives: for throw-away registries and as the plainest reading of the promise.
import type { Change, ClientRecord, ClusterRecord, MemberRecord } from '../registry/command.ts';
import type { CommitOutcome, Store } from './store.ts';

type KeptRecord = ClientRecord | ClusterRecord | MemberRecord;

const KINDS = { client: 0, cluster: 1, member: 2 } as const;

export class MemoryStore implements Store {
  readonly #records = new Map<string, KeptRecord>();
  readonly #clusterIds = new Set<string>();
  #closed = false;

  async *load(): AsyncIterable<readonly KeptRecord[]> {
    this.#assertOpen();
    yield [...this.#records.values()].sort(
      (a, b) => KINDS[a.kind] - KINDS[b.kind] || (a.kind === 'member' && b.kind === 'member' ? a.index - b.index : 0),
    );
  }

  async commit(batch: readonly Change[]): Promise<CommitOutcome[]> {
    this.#assertOpen();
    return batch.map((change) => this.#apply(change));
  }

  async probe(): Promise<void> {
    this.#assertOpen();
  }

  size(): number {
    return 0;
  }

  room(): number {
    return Infinity;
  }

  async backup(): Promise<void> {
    throw new Error('a registry with --store memory has nothing to back up');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#records.clear();
  }

  #apply(change: Change): CommitOutcome {
    switch (change.kind) {
      case 'client-removal':
        this.#records.delete(`client ${change.clientId}`);
        return { kind: 'stored' };
      case 'cluster-removal':
        this.#records.delete(`cluster ${change.name}`);
        this.#clusterIds.delete(change.id);
        for (let index = 0; index < change.seats; index++) this.#records.delete(`member ${change.id} ${index}`);
        return { kind: 'stored' };
      case 'member-removal': {
        const key = `member ${change.clusterId} ${change.index}`;
        const standing = this.#records.get(key);
        if (standing && ownerOf(standing) !== change.clientId) return { kind: 'lost', standing: [standing] };
        this.#records.delete(key);
        return { kind: 'stored' };
      }
      default:
        return this.#set(change);
    }
  }

  #set(record: KeptRecord): CommitOutcome {
    const key = keyOf(record);
    const standing = this.#records.get(key);
    if (standing && ownerOf(standing) !== ownerOf(record)) return { kind: 'lost', standing: [standing] };
    if (record.kind === 'member' && !this.#clusterIds.has(record.clusterId)) return { kind: 'lost', standing: [] };
    if (record.kind === 'cluster') this.#clusterIds.add(record.id);
    this.#records.set(key, record);
    return { kind: 'stored' };
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}

function keyOf(record: KeptRecord): string {
  if (record.kind === 'client') return `client ${record.clientId}`;
  if (record.kind === 'cluster') return `cluster ${record.name}`;
  return `member ${record.clusterId} ${record.index}`;
}

/** Who may replace a record. */
export function ownerOf(record: KeptRecord): string {
  if (record.kind === 'client') return record.sigKeyDigest;
  if (record.kind === 'cluster') return record.id;
  return record.clientId;
}
