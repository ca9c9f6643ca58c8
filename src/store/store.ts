// What the coordinator needs of a store, and all it may rely on. The coordinator is the only writer of its process; with
// several servers there are several coordinators on one store, which is why a commit can be lost to another.
import type { Change } from '../registry/command.ts';

/** How one change of a batch ended. */
export type CommitOutcome =
  /** It is stored and survives whatever the store survives. */
  | { readonly kind: 'stored' }
  /** Somebody else won: another record stands where this one should have gone. Nothing of this change is stored. */
  | { readonly kind: 'lost'; readonly standing: readonly Change[] };

/**
 * Keeps the records of one registry. Keys are the client's ID, the cluster's name and (cluster ID, index) of a seat; a
 * change replaces the record under its key if it is by the same owner (client with the same SigKey, same cluster ID,
 * member with the same client ID), else it is lost. A member whose cluster is not stored is lost, too.
 */
export interface Store {
  /** Every record stored, clusters before their members, members of a cluster in the order of their indexes. */
  load(): AsyncIterable<Change>;
  /**
   * Stores a batch, in order; resolves when all that is reported as stored is. One commit at a time. Rejects when the
   * store is in trouble: then none, some or all of it may be stored, and nothing may be acknowledged.
   */
  commit(batch: readonly Change[]): Promise<CommitOutcome[]>;
  /** Resolves when nothing is under way any more; after it, load and commit reject. */
  close(): Promise<void>;
}
