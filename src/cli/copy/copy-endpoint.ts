// Source and target of xlreg store copy. Invariant: servers find the target's table only after keep(); an aborted copy
// leaves nothing that a server would open.
import type { Store } from '../../store/store.ts';

/** A table to read, which is locked against changes until close(). */
export interface CopySource {
  /** The registry that owns the table; hex. */
  readonly registryId: string;
  readonly store: Store;
  close(): Promise<void>;
}

/** A table that is being written. */
export interface CopyTarget {
  readonly store: Store;
  /** For the message of a failed copy: the state of the target. */
  readonly abandoned: string;
  /** The step that the operator has to do before a server can use the table; undefined if there is none. */
  readonly advice: string | undefined;
  /** Opens the written records again, so that reading proves that they are stored. */
  reopen(): Promise<Store>;
  /** Makes the table visible to servers. */
  keep(): Promise<void>;
  /** Removes a table that was not kept, as far as possible. */
  close(): Promise<void>;
}
