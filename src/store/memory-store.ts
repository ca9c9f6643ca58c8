// Keeps records for as long as the process lives: for throw-away registries and as the plainest reading of the promise.
import type { Change } from '../registry/command.ts';
import type { CommitOutcome, Store } from './store.ts';

const KINDS = { client: 0, cluster: 1, member: 2 } as const;

export class MemoryStore implements Store {
  readonly #records = new Map<string, Change>();
  readonly #clusterIds = new Set<string>();
  #closed = false;

  async *load(): AsyncIterable<Change> {
    this.#assertOpen();
    yield* [...this.#records.values()].sort(
      (a, b) => KINDS[a.kind] - KINDS[b.kind] || (a.kind === 'member' && b.kind === 'member' ? a.index - b.index : 0),
    );
  }

  async commit(batch: readonly Change[]): Promise<CommitOutcome[]> {
    this.#assertOpen();
    return batch.map((change) => {
      const key = keyOf(change);
      const standing = this.#records.get(key);
      if (standing && ownerOf(standing) !== ownerOf(change)) return { kind: 'lost', standing: [standing] };
      if (change.kind === 'member' && !this.#clusterIds.has(change.clusterId)) return { kind: 'lost', standing: [] };
      if (change.kind === 'cluster') this.#clusterIds.add(change.id);
      this.#records.set(key, change);
      return { kind: 'stored' };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#records.clear();
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}

function keyOf(change: Change): string {
  if (change.kind === 'client') return `client ${change.clientId}`;
  if (change.kind === 'cluster') return `cluster ${change.name}`;
  return `member ${change.clusterId} ${change.index}`;
}

function ownerOf(change: Change): string {
  if (change.kind === 'client') return change.sigKeyDigest;
  if (change.kind === 'cluster') return change.id;
  return change.clientId;
}
