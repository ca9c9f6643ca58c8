// The Create message, and the comparison of the cluster that it found with the one that was asked for.
import { CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN, CONFIRM_MS_DEFAULT } from '../limits.ts';
import type { SessionDialect } from '../wire/hello.ts';
import { longOf, type Message } from '../wire/message.ts';
import { CLUSTER_EPHEMERAL, type ClusterProperties, type ClusterSpec } from './cluster.ts';
import { XlRegError } from './errors.ts';
import { specMessage } from './join-token.ts';

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

/** Returns the fields of a Create. Throws TypeError if a number is none of the wire's. */
export function createFields(clusterName: string, spec: ClusterSpec, dialect: SessionDialect): Message {
  const { size, endPoints = 1, ephemeral = false, confirmMs = CONFIRM_MS_DEFAULT, joinTokens = [] } = spec;
  for (const count of [size, endPoints, confirmMs]) {
    if (!Number.isInteger(count) || count < 0 || count > 0xffff_ffff) throw new TypeError(`${count} is not a uint32`);
  }
  return {
    ClusterName: clusterName,
    ClusterSize: size,
    EndPointCount: endPoints,
    ClusterAttrs: longOf(ephemeral ? CLUSTER_EPHEMERAL : 0n),
    ...(confirmMs > 0 && dialect === 'sealed' && { ConfirmMs: confirmMs }),
    ...(joinTokens.length > 0 && { JoinTokens: joinTokens.map(specMessage) }),
  };
}
