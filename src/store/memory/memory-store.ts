// Stage 4, sequential. Keeps records while the process lives. It serves throw-away registries, and is the simplest
// implementation of Store.
import type {
  Change,
  ClientRecord,
  ClusterRecord,
  EntryRecord,
  MemberRecord,
  MemberRemoval,
} from '../../registry/command.ts';
import { assertUnshared, type CommitOutcome, type Store, type StoreItem, type UnsharedChange } from '../store.ts';
import { isSameBytes, mayReplace } from '../stored-record.ts';

type KeptRecord = ClientRecord | ClusterRecord | MemberRecord;

const KINDS = { client: 0, cluster: 1, member: 2 } as const;

export class MemoryStore implements Store {
  readonly #records = new Map<string, KeptRecord>();
  readonly #clusterIds = new Set<string>();
  /** By the ID of the cluster, then by key. BOUNDED by the table. */
  readonly #entries = new Map<string, Map<string, EntryRecord>>();
  #closed = false;

  async *load(): AsyncIterable<readonly (KeptRecord | EntryRecord)[]> {
    this.#assertOpen();
    yield [...this.#records.values()].sort(
      (a, b) => KINDS[a.kind] - KINDS[b.kind] || (a.kind === 'member' && b.kind === 'member' ? a.index - b.index : 0),
    );
    for (const entries of this.#entries.values()) yield [...entries.values()];
  }

  async commit(batch: readonly StoreItem[]): Promise<CommitOutcome[]> {
    this.#assertOpen();
    return batch.map((item) => this.#apply('kind' in item ? [item] : item));
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
    this.#entries.clear();
  }

  #apply(changes: readonly Change[]): CommitOutcome {
    assertUnshared(changes);
    for (const change of changes) {
      const conflict = change.kind === 'entry' ? this.#entryConflict(change, changes) : this.#conflictOf(change);
      if (conflict) return conflict;
    }
    for (const change of changes) this.#carryOut(change);
    return { kind: 'stored' };
  }

  /** The conflict of a change; undefined if there is none. */
  #conflictOf(change: Exclude<UnsharedChange, EntryRecord>): CommitOutcome | undefined {
    if (change.kind === 'client-removal' || change.kind === 'cluster-removal' || change.kind === 'entry-removal')
      return undefined;
    const current = this.#records.get(keyOf(change));
    if (current && ownerOf(current) !== ownerOf(change) && !displaces(change, current))
      return { kind: 'conflict', current: [current] };
    const orphan = change.kind === 'member' && !this.#clusterIds.has(change.clusterId);
    return orphan ? { kind: 'conflict', current: [] } : undefined;
  }

  /** The same for an entry; `together` has all changes of the item. */
  #entryConflict(
    { clusterId, key, value, ifAbsent }: EntryRecord,
    together: readonly Change[],
  ): CommitOutcome | undefined {
    const isNew = together.some((other) => other.kind === 'cluster' && other.id === clusterId);
    if (!isNew && !this.#clusterIds.has(clusterId)) return { kind: 'conflict', current: [] };
    const current = this.#entries.get(clusterId)?.get(key);
    return ifAbsent && current && !isSameBytes(current.value, value)
      ? { kind: 'conflict', current: [current] }
      : undefined;
  }

  #carryOut(change: UnsharedChange): void {
    switch (change.kind) {
      case 'client-removal':
        this.#records.delete(`client ${change.clientId}`);
        return;
      case 'cluster-removal':
        this.#records.delete(`cluster ${change.name}`);
        this.#clusterIds.delete(change.id);
        this.#entries.delete(change.id);
        for (let index = 0; index < change.seats; index++) this.#records.delete(`member ${change.id} ${index}`);
        return;
      case 'member-removal':
        this.#records.delete(keyOf(change));
        return;
      case 'entry': {
        const { kind, clusterId, key, value } = change;
        const entries = this.#entries.get(clusterId) ?? new Map<string, EntryRecord>();
        this.#entries.set(clusterId, entries.set(key, { kind, clusterId, key, value }));
        return;
      }
      case 'entry-removal':
        this.#entries.get(change.clusterId)?.delete(change.key);
        return;
      default:
        if (change.kind === 'cluster') this.#clusterIds.add(change.id);
        this.#records.set(keyOf(change), change.kind === 'member' ? withoutReplaces(change) : change);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the store is closed');
  }
}

function keyOf(record: KeptRecord | MemberRemoval): string {
  if (record.kind === 'client') return `client ${record.clientId}`;
  if (record.kind === 'cluster') return `cluster ${record.name}`;
  return `member ${record.clusterId} ${record.index}`;
}

function displaces(change: Change, current: KeptRecord): boolean {
  if (change.kind === 'member' && current.kind === 'member') return change.replaces === current.clientId;
  return change.kind === 'client' && current.kind === 'client' && mayReplace(change, current);
}

function withoutReplaces({ replaces: _, ...record }: MemberRecord): MemberRecord {
  return record;
}

/** The owner of a record, who alone may replace it. */
function ownerOf(record: KeptRecord | MemberRemoval): string {
  if (record.kind === 'client') return record.sigKeyDigest;
  if (record.kind === 'cluster') return record.id;
  return record.clientId;
}
