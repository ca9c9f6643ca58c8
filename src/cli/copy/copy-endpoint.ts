// Where a table is that no server uses, as xlreg store copy has it. Invariant: a target is a table that servers find only once it
// is kept; what is abandoned before leaves nothing they would take.
import type { Store } from '../../store/store.ts';

/** A table to read, which nobody changes until it is closed. */
export interface SourcePlace {
  /** Whose it is, hex. */
  readonly registryId: string;
  readonly store: Store;
  close(): Promise<void>;
}

/** A table to be. */
export interface TargetPlace {
  readonly store: Store;
  /** What is there if it is not kept, for a message. */
  readonly abandoned: string;
  /** What there is to do before a server can use it, beyond keeping it; undefined if nothing. */
  readonly advice: string | undefined;
  /** The same records, read anew from where they last. */
  reopen(): Promise<Store>;
  /** Gives servers what was written. */
  keep(): Promise<void>;
  /** Takes away what was not kept, as far as that can be done. */
  close(): Promise<void>;
}
