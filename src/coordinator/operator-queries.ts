// Operators' queries. A change is a command like any other. A look runs between two batches, so that it never shows
// uncommitted changes.
import type { ClusterPage, ClusterQuery, ClusterSummary, TableOverview } from '../registry/cluster-scan.ts';
import type { ShownMember } from '../registry/cluster-table.ts';
import type { ClusterRef, OperatorCommand, Reply } from '../registry/command.ts';
import type { Coordinator } from './coordinator.ts';

/** An operator's command, or a look at the table. */
export type OperatorQuery =
  | OperatorCommand
  | { readonly kind: 'clusters'; readonly query: ClusterQuery }
  | { readonly kind: 'cluster'; readonly cluster: ClusterRef }
  | { readonly kind: 'overview' };

/** A cluster and its members by ascending index. */
export interface ShownCluster {
  readonly cluster: ClusterSummary;
  readonly members: readonly ShownMember[];
}

/** The reply to an OperatorQuery; undefined for a cluster that does not exist. */
export type OperatorReply = Reply | ClusterPage | ShownCluster | TableOverview | undefined;

/** Clusters that one look examines: less than 1 ms. */
const SCAN_CLUSTERS = 5_000;

/** Resolves to the reply; a change is stored by then. Rejects with CoordinatorClosingError. */
export async function answerQuery(coordinator: Coordinator, query: OperatorQuery): Promise<OperatorReply> {
  switch (query.kind) {
    case 'clusters': {
      const scan = await coordinator.look((table) => table.scanClusters(query.query));
      let page = await coordinator.look(() => scan.next(SCAN_CLUSTERS));
      while (page === undefined) page = await coordinator.look(() => scan.next(SCAN_CLUSTERS));
      return page;
    }
    case 'cluster':
      return coordinator.look((table, now) => table.showCluster(query.cluster, now));
    case 'overview':
      return coordinator.look((table) => table.overview());
    default:
      return (await coordinator.ask([query]))[0];
  }
}
