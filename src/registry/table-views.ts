// The table as operators see it.
import type { ClusterSummary } from './cluster-scan.ts';
import type { MemberRecord } from './command.ts';
import type { FillCounts, TableCounts } from './table-contents.ts';

/** Counts of the whole table and the clusters that changed last. */
export interface TableOverview extends TableCounts, FillCounts {
  /** Most recently changed first; at most RECENT_CLUSTERS_MAX. */
  readonly recent: readonly ClusterSummary[];
}

/** A member as the admin port shows it. */
export interface ShownMember extends MemberRecord {
  /**
   * Milliseconds since the last command of its client that the table saw; undefined if there was none since the table
   * was loaded. Members' roster requests may be answered from the roster cache, so the table does not see all of them.
   */
  readonly idleMs: number | undefined;
}
