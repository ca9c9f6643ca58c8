// What the coordinator needs of a store, and all it may rely on. The coordinator is the only writer of its process; with
// several servers there are several coordinators on one store, which is why a commit can be lost to another.
import type { Change, StoredRecord } from '../registry/command.ts';

/** How one change of a batch ended. */
export type CommitOutcome =
  /** It is stored and survives whatever the store survives. */
  | { readonly kind: 'stored' }
  /** Somebody else won: another record stands where this one should have gone. Nothing of this change is stored. */
  | { readonly kind: 'lost'; readonly standing: readonly Change[] };

/** There is no room for more: nothing of the batch is stored, and a later commit may go well. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** The store cannot be opened or read as it is; the message says what and where. */
export class StoreUnusableError extends Error {
  override readonly name = 'StoreUnusableError';
}

/**
 * Keeps the records of one registry. Keys are the client's ID, the cluster's name and (cluster ID, index) of a seat; a
 * change replaces the record under its key if it is by the same owner (client with the same SigKey, same cluster ID,
 * member with the same client ID), else it is lost. A member whose cluster is not stored is lost, too. Removals take
 * away what is there; only that of a member is lost if another has the seat.
 */
export interface Store {
  /**
   * Every record stored, some at a time: clients, then clusters, then members, those of a cluster in the order of their
   * indexes. Rejects with StoreUnusableError at a record that is not what was written.
   */
  load(): AsyncIterable<readonly StoredRecord[]>;
  /**
   * Stores a batch, in order, as a whole; resolves when all that is reported as stored is. One commit at a time. Rejects
   * with StoreFullError when nothing was stored for want of room; with any other error nobody knows what is stored, and
   * nothing may be acknowledged any more.
   */
  commit(batch: readonly Change[]): Promise<CommitOutcome[]>;
  /** Writes something that changes nothing, to find out whether commit would be worth trying again. Rejects like it. */
  probe(): Promise<void>;
  /** Bytes on disk. */
  size(): number;
  /** Bytes it may still grow by, as far as is known now; Infinity where nothing is on disk. */
  room(): number;
  /** Writes a consistent copy of what is stored at this moment to a directory that does not exist yet. */
  backup(directory: string): Promise<void>;
  /** Resolves when nothing is under way any more; after it, everything else rejects. */
  close(): Promise<void>;
}
