// Stage 4, sequential: the contract between the coordinator and a store. commit-batch.ts calls commit() and replies
// after it. The coordinator is the only writer of its process. Several servers on one store have a coordinator each, so
// a commit can conflict with that of another server.
import { strict as assert } from 'node:assert';
import type { Change, Learned, StoredRecord, Use } from '../registry/command.ts';
import type { RoundChange } from '../registry/round-change.ts';
import { mayPass } from '../runtime/passing-failure.ts';

/**
 * A change, or changes that are stored together or not at all. They may depend on earlier items, not on each other; an
 * entry may depend on its cluster in the same item. On etcd an item has room for 79 operations, of which an entry takes
 * two and a seat up to five, and for about 1 MB.
 */
export type StoreItem = Change | readonly Change[];

/** A change that a store with one server takes. Its table keeps rounds in memory. */
export type UnsharedChange = Exclude<Change, RoundChange>;

/** Asserts that a store with one server gets no change of a round. */
export function assertUnshared(changes: readonly Change[]): asserts changes is readonly UnsharedChange[] {
  for (const { kind } of changes) {
    const isRound = kind === 'round' || kind === 'confirmation' || kind === 'completion' || kind === 'round-end';
    assert(!isRound, 'only a shared store keeps rounds');
  }
}

/** The result of one item of a batch. */
export type CommitOutcome =
  /** The item is stored, as durably as the store stores anything. */
  | { readonly kind: 'stored' }
  /**
   * A record of another owner holds a key of this item, or a record that the item needs is missing. Nothing of the item
   * is stored. `current` has the records that won, as far as the store knows them; the next `catchUp` of a shared store
   * returns all of them.
   */
  | { readonly kind: 'conflict'; readonly current: readonly Change[] };

/** The changes that other servers have stored. */
export interface CatchUp {
  /**
   * Every record, in the order of `load`, if the table has to be replaced; else undefined. Replay `changes` after it.
   */
  readonly reset: readonly StoredRecord[] | undefined;
  /** Changes since the last catch-up, in order. They may include this server's own. */
  readonly changes: readonly Learned[];
  /**
   * Freshness of the table with the changes applied. `current`: it has everything that any server had acknowledged when
   * the call began. `behind`: it is a past state, because the store does not answer. `wrong`: it is known to differ
   * from the store.
   */
  readonly freshness: 'current' | 'behind' | 'wrong';
  /** Reason why the table is not current, in one line. */
  readonly reason?: string;
}

/** The store has no room. Nothing of the batch is stored; a later commit may succeed. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** The store cannot be reached. The batch may be stored, now or a little later. A later call may succeed. */
export class StoreUnreachableError extends Error {
  override readonly name = 'StoreUnreachableError';
}

/** The store cannot be opened or read. The message says what failed and where. */
export class StoreUnusableError extends Error {
  override readonly name = 'StoreUnusableError';
  /** True if a later attempt may succeed: the store cannot be reached or has no room. */
  readonly mayPass: boolean;

  constructor(message: string, options: ErrorOptions & { readonly mayPass?: boolean } = {}) {
    super(message, options);
    const { cause } = options;
    const isPassing = cause instanceof StoreUnreachableError || cause instanceof StoreFullError || mayPass(cause);
    this.mayPass = options.mayPass ?? isPassing;
  }
}

/**
 * Keeps the records of one registry. The key of a client is its ID, of a cluster its name, of a seat (cluster ID,
 * index), of an entry (cluster ID, its key). The owner of a client's record is its SigKey, of a cluster's its ID, of a member's its client ID. A change
 * replaces a record of the same owner and conflicts with one of another owner. An entry has no owner: it replaces the
 * one under its key, or with `ifAbsent` conflicts with another value there. A member with `replaces` replaces the one of
 * that client, too. A member or an entry conflicts, too, if its
 * cluster is not stored. A removal removes the record if there is one; that of a member conflicts if another client has the
 * seat.
 *
 * A shared store has more conflicts, because the table may be behind. These conflict: a member whose name or client has
 * another seat of the cluster; a member with `ofClient` whose registration differs from its client's; a client's new
 * registration without all of its seats; the removal of a client or cluster that has been used since or has a member;
 * an entry whose `needs` is not stored; and an entry without `ifAbsent`, or its removal, if another server has written its key since the last catch-up.
 */
export interface Store {
  /** Term of the table, 1 to 2^53-1 (W4); 1 if absent. A restore from a backup raises it. */
  readonly term?: number;
  /**
   * Yields every record, some at a time: clients, then clusters, then members, then entries. The members of a cluster
   * come by ascending index. Rejects with StoreUnusableError at a damaged record.
   */
  load(): AsyncIterable<readonly StoredRecord[]>;
  /**
   * Stores a batch, in order. Resolves to an outcome for each item, when every item reported as stored is stored. The
   * caller makes one commit at a time. Rejects with StoreFullError if nothing is stored, and with StoreUnreachableError
   * if that is not known yet. After any other error the stored state is unknown, and nothing may be acknowledged.
   *
   * `withinMs`, here and below, is the time limit of a shared store, in milliseconds: 2,000 by default. After it the
   * call rejects with StoreUnreachableError.
   */
  commit(batch: readonly StoreItem[], withinMs?: number): Promise<CommitOutcome[]>;
  /** Shared stores only: resolves to the changes of other servers. The caller makes no commit meanwhile. */
  catchUp?(withinMs?: number): Promise<CatchUp>;
  /**
   * Shared stores only: calls `listener` when changes have arrived. Those may be this server's own; hasNews() tells.
   */
  onArrival?(listener: () => void): void;
  /** Shared stores only: true if changes of another server have arrived that no catch-up has returned. */
  hasNews?(): boolean;
  /** Shared stores only: announces uses to the other servers. Rejects like commit. */
  announceUses?(uses: readonly Use[], withinMs?: number): Promise<void>;
  /** Writes a key outside the table, to test whether a commit would succeed. Rejects like commit. */
  probe(withinMs?: number): Promise<void>;
  /** Bytes on disk. */
  size(): number;
  /** Bytes that the store can still grow by, as far as known; Infinity if nothing is on disk. */
  room(): number;
  /** Writes a consistent copy of the present state to a directory that does not exist yet. */
  backup(directory: string): Promise<void>;
  /** Resolves when no call is in work. Every later call rejects. */
  close(): Promise<void>;
}
