// A cluster as the API and the status page's stream show it.
import type { ClusterSummary } from '../registry/cluster-scan.ts';

/** Attrs as decimal text, since they have 64 bits. */
export function describeCluster({ id, name, size, members, endPointCount, attrs, keep }: ClusterSummary) {
  const fill = members === 0 ? 'empty' : members < size ? 'filling' : 'full';
  return { id, name, size, members, fill, endPointCount, attrs: String(attrs), keep };
}
