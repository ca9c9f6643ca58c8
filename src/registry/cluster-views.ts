// A cluster as replies show it: its properties, and how far it is.
import { confirmedSeats, epochOf, hasBarrier, isComplete } from './barrier.ts';
import type { Cluster } from './cluster.ts';
import type { BarrierView, ClusterProperties } from './command.ts';

export function propertiesOf({ record }: Cluster): ClusterProperties {
  const { id, size, endPointCount, attrs, confirmMs } = record;
  return { id, size, endPointCount, attrs, ...confirmOf(confirmMs) };
}

export function confirmOf(confirmMs: number | undefined): { readonly confirmMs?: number } {
  return confirmMs === undefined ? {} : { confirmMs };
}

export function roundOf({ round }: Cluster): { readonly round?: string } {
  return round ? { round: round.id } : {};
}

export function viewOf(cluster: Cluster): { readonly barrier?: BarrierView } {
  if (!hasBarrier(cluster)) return {};
  return { barrier: { epoch: epochOf(cluster), round: cluster.round?.id, confirmed: confirmedSeats(cluster) } };
}

/** The seat that a reader of an RSA dialect is not shown until the cluster is complete (Q5). */
export function withheld(cluster: Cluster, clientId: string): bigint {
  if (!cluster.record.confirmMs || isComplete(cluster)) return 0n;
  const index = cluster.seats.findLastIndex((member) => member !== undefined && member.clientId !== clientId);
  return index < 0 ? 0n : 1n << BigInt(index);
}
