// What operators ask of the table: changes, which are commands like any other, and looks at it, which happen between two
// batches, so that nobody is shown what may yet be lost.
import type { ClusterPage, ClusterQuery, ClusterSummary } from '../registry/cluster-scan.ts';
import type { TableOverview } from '../registry/cluster-table.ts';
import type { ClusterRef, MemberRecord, OperatorCommand, Reply } from '../registry/command.ts';
import type { Coordinator } from './coordinator.ts';

/** A question, and (as a type only) what answers it. */
export type OperatorQuery =
  | OperatorCommand
  | { readonly kind: 'clusters'; readonly query: ClusterQuery }
  | { readonly kind: 'cluster'; readonly cluster: ClusterRef }
  | { readonly kind: 'overview' };

/** A cluster and who is in it, by ascending index. */
export interface ShownCluster {
  readonly cluster: ClusterSummary;
  readonly members: readonly MemberRecord[];
}

/** `undefined` stands for a cluster that there is not. */
export type OperatorReply = Reply | ClusterPage | ShownCluster | TableOverview | undefined;

/** Clusters looked at between two batches: below a millisecond. */
const SCAN_CLUSTERS = 5_000;

/** Resolves to the answer; a change is stored by then. */
export async function answerQuery(coordinator: Coordinator, question: OperatorQuery): Promise<OperatorReply> {
  switch (question.kind) {
    case 'clusters': {
      const scan = await coordinator.look((table) => table.scanClusters(question.query));
      let page = await coordinator.look(() => scan.next(SCAN_CLUSTERS));
      while (page === undefined) page = await coordinator.look(() => scan.next(SCAN_CLUSTERS));
      return page;
    }
    case 'cluster':
      return coordinator.look((table) => table.showCluster(question.cluster));
    case 'overview':
      return coordinator.look((table) => table.overview());
    default:
      return (await coordinator.ask([question]))[0];
  }
}
