// A change's part of a transaction: its conditions and writes, and the reads that explain a failed condition.
import type { CommitOutcome } from '../store.ts';
import type { Compare, KeyValue, RequestOp } from './etcd-calls.ts';

/** A change's part of a transaction. */
export interface Plan {
  readonly conditions: readonly Compare[];
  readonly writes: readonly RequestOp[];
}

/** The keys that a change's reads returned. */
export interface Found {
  readonly keys: ReadonlyMap<string, KeyValue>;
  /** The revision of the reads. */
  readonly revision: number;
  /** True if the table that the change was made on includes the writes of a revision. */
  known(revision: number): boolean;
}

/** The keys of a change, for ordering, and its plans. */
export interface PlannedChange {
  /** Keys that it writes. Later changes of a commit that read or write them have to wait. */
  readonly written: readonly string[];
  /** Prefixes of keys that it writes. */
  readonly touched: readonly string[];
  /** Keys or prefixes that it depends on. */
  readonly needed: readonly string[];
  /** Reads for `resolve`. */
  readonly reads: readonly RequestOp[];
  /** The plan before any read; undefined if it needs one. `known` is the revision of the table. */
  optimistic(known: number): Plan | undefined;
  /** Decides from the reads: another plan, or the outcome. */
  resolve(found: Found): Plan | CommitOutcome;
}
