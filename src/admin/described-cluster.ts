// The JSON of a cluster, for the API and the stream of the status page.
import type { ClusterSummary } from '../registry/cluster-scan.ts';

/** Attrs are decimal text, because they have 64 bits. */
export function describeCluster(cluster: ClusterSummary) {
  const { id, name, size, members, complete, endPointCount, attrs, keep, forming } = cluster;
  const fill = members === 0 ? 'empty' : members < size ? 'filling' : 'full';
  const shown = { id, name, size, members, fill, complete, endPointCount, attrs: String(attrs), keep };
  return { ...shown, ...(forming && { forming }) };
}
