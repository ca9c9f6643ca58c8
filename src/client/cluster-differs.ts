// Compares the cluster that a Create found with the one that was asked for.
import { CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN } from '../limits.ts';
import type { ClusterProperties } from './cluster.ts';
import { XlRegError } from './errors.ts';

/** A cluster of this name exists with another size (R1). The session goes on, and the cluster can be joined. */
export class ClusterDiffers extends XlRegError {
  override readonly name = 'ClusterDiffers';
  /** The cluster that exists. */
  readonly cluster: ClusterProperties;

  constructor(clusterName: string, size: number, cluster: ClusterProperties) {
    super(
      `cluster ${clusterName} has ${cluster.size} seats, not ${size}: ask for ${cluster.size}, or take another name`,
      { code: 'CLUSTER_DIFFERS' },
    );
    this.cluster = cluster;
  }
}

/** Throws ClusterDiffers unless the cluster has the requested size, within the bounds of R2. */
export function assertSize(clusterName: string, size: number, cluster: ClusterProperties): void {
  if (cluster.size === Math.min(Math.max(size, CLUSTER_SIZE_MIN), CLUSTER_SIZE_MAX)) return;
  throw new ClusterDiffers(clusterName, size, cluster);
}
