// The JSON of a cluster, for the API and the stream of the status page.
import type { ClusterSummary } from '../registry/cluster-scan.ts';

/** Attrs are decimal text, because they have 64 bits. */
export function describeCluster({ id, name, size, members, endPointCount, attrs, keep, forming }: ClusterSummary) {
  const fill = members === 0 ? 'empty' : members < size ? 'filling' : 'full';
  return { id, name, size, members, fill, endPointCount, attrs: String(attrs), keep, ...(forming && { forming }) };
}
