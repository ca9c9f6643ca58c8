// An existing cluster of another size, which the commands report instead of failing.
import { ClusterDiffers, type ClusterProperties } from '../client/index.ts';

/** For the rejection of create(): returns the cluster that exists with another size. Throws any other error. */
export function foundOfAnotherSize(error: unknown): ClusterProperties {
  if (error instanceof ClusterDiffers) return error.cluster;
  throw error;
}
