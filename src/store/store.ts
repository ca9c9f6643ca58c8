// What the coordinator needs of a store, and all it may rely on. The coordinator is the only writer of its process; with
// several servers there are several coordinators on one store, which is why a commit can be lost to another.

import type { Change, Learned, StoredRecord, Use } from '../registry/command.ts';
import { mayPass } from '../runtime/passing-failure.ts';

/** A change, or changes that stand or fall together; what they depend on is what was stored before the first of them. */
export type StoreItem = Change | readonly Change[];

/** How one item of a batch ended. */
export type CommitOutcome =
  /** It is stored and survives whatever the store survives. */
  | { readonly kind: 'stored' }
  /**
   * Somebody else won: another record stands where one of these should have gone. Nothing of this item is stored. What
   * stands there is told as far as the store knows it; of a shared store, the next `catchUp` tells all of it.
   */
  | { readonly kind: 'conflict'; readonly current: readonly Change[] };

/** What a server learns of what others have stored. */
export interface CatchUp {
  /** Present if what was learned before is worth nothing: every record there is, in the order of `load`. */
  readonly reset: readonly StoredRecord[] | undefined;
  /** What has been stored since, in order; it may have what this server stored itself. */
  readonly changes: readonly Learned[];
  /**
   * With the changes, the table shows all that anybody had been told was stored when it was asked for (`current`); or what
   * it was a while ago (`behind`), since the store cannot be asked; or what is known not to stand any more (`wrong`).
   */
  readonly freshness: 'current' | 'behind' | 'wrong';
  /** Why it is not current, in a line. */
  readonly reason?: string;
}

/** There is no room for more: nothing of the batch is stored, and a later commit may go well. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** The store cannot be reached: nobody knows whether the batch is stored, now or a little later. It may pass. */
export class StoreUnreachableError extends Error {
  override readonly name = 'StoreUnreachableError';
}

/** The store cannot be opened or read as it is; the message says what and where. */
export class StoreUnusableError extends Error {
  override readonly name = 'StoreUnusableError';
  /** Whether time may mend it: it cannot be reached, or there is no room. */
  readonly mayPass: boolean;

  constructor(message: string, options: ErrorOptions & { readonly mayPass?: boolean } = {}) {
    super(message, options);
    const { cause } = options;
    const isPassing = cause instanceof StoreUnreachableError || cause instanceof StoreFullError || mayPass(cause);
    this.mayPass = options.mayPass ?? isPassing;
  }
}

/**
 * Keeps the records of one registry. Keys are the client's ID, the cluster's name and (cluster ID, index) of a seat; a
 * change replaces the record under its key if it is by the same owner (client with the same SigKey, same cluster ID,
 * member with the same client ID), else it is lost. A member whose cluster is not stored is lost, too. Removals take
 * away what is there; only that of a member is lost if another has the seat.
 *
 * A store that several servers share loses more, because a table that is behind may ask for more: a member whose name or
 * client has another seat of the cluster; one that says `ofClient` and is not; a client's new registration, if it has
 * seats that did not come with it; and the removal of what has been used since, or is in use by a member.
 */
export interface Store {
  /**
   * Every record stored, some at a time: clients, then clusters, then members, those of a cluster in the order of their
   * indexes. Rejects with StoreUnusableError at a record that is not what was written.
   */
  load(): AsyncIterable<readonly StoredRecord[]>;
  /**
   * Stores a batch, in order; resolves when all that is reported as stored is, with an outcome for each item. One commit at
   * a time. Rejects with StoreFullError when nothing was stored for want of room, with StoreUnreachableError when that
   * cannot be known yet; with any other error nobody will know what is stored, and nothing may be acknowledged any more.
   *
   * `withinMs`, here and below: a store on other machines rejects with StoreUnreachableError if they take longer; 2,000
   * unless told otherwise.
   */
  commit(batch: readonly StoreItem[], withinMs?: number): Promise<CommitOutcome[]>;
  /** Of a store that several servers share: what others have stored. Never while a commit is under way. */
  catchUp?(withinMs?: number): Promise<CatchUp>;
  /** Of a store that several servers share: lets the others know of uses. Rejects like commit. */
  announceUses?(uses: readonly Use[], withinMs?: number): Promise<void>;
  /** Writes something that changes nothing, to find out whether commit would be worth trying again. Rejects like it. */
  probe(withinMs?: number): Promise<void>;
  /** Bytes on disk. */
  size(): number;
  /** Bytes it may still grow by, as far as is known now; Infinity where nothing is on disk. */
  room(): number;
  /** Writes a consistent copy of what is stored at this moment to a directory that does not exist yet. */
  backup(directory: string): Promise<void>;
  /** Resolves when nothing is under way any more; after it, everything else rejects. */
  close(): Promise<void>;
}
