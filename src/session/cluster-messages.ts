// Serves Create, Join and GetCluster (R1 to R11, R13). Builds the command for the table (stage 2), and the reply
// message from the table's reply (stage 5).
import { CLUSTER_END_POINTS_MAX, CLUSTER_SIZE_MAX, CLUSTER_SIZE_MIN, ID_BYTES } from '../limits.ts';
import type { ClusterProperties, ClusterRef, Reply } from '../registry/command.ts';
import { bigintOf, longOf, type Message, Op } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import type { IdentifiedSession, SessionContext, Step } from './session.ts';
import { admitsOf, claimOf } from './token-messages.ts';

/** Bits of cluster attrs that clients cannot set: 2 is `deleted` (R4). */
const ATTRS_OF_REGISTRY = 2n;

const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;

export function serveCreate(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  if (!message.ClusterName) return { kind: 'refused', why: 'cluster-not-named' };
  if (!isName(message.ClusterName)) return { kind: 'refused', why: 'name-invalid' };
  const endPointCount = message.EndPointCount ?? 1;
  if (endPointCount === 0) return { kind: 'refused', why: 'end-point-count-zero' };
  const admits = admitsOf(session, message, context);
  if (typeof admits === 'string') return { kind: 'refused', why: admits };
  return {
    kind: 'question',
    command: {
      kind: 'create',
      clientId: session.clientId,
      name: message.ClusterName,
      id: Buffer.from(context.random(ID_BYTES)).toString('hex'),
      size: Math.min(Math.max(message.ClusterSize ?? 0, CLUSTER_SIZE_MIN), CLUSTER_SIZE_MAX),
      endPointCount: Math.min(endPointCount, CLUSTER_END_POINTS_MAX),
      attrs: bigintOf(message.ClusterAttrs) & ~ATTRS_OF_REGISTRY,
      ...admits,
    },
    conclude: (reply) =>
      withCluster(reply, (cluster) => ({
        kind: 'answer',
        message: { Op: Op.CreateReply, ...clusterFields(cluster) },
        session: { ...session, createdId: cluster.id, clusterId: cluster.id },
      })),
  };
}

export function serveJoin(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  const cluster = selectCluster(message, session.createdId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: { kind: 'join', clientId: session.clientId, cluster, ...claimOf(session, message, context) },
    conclude: (reply) =>
      withCluster(reply, (joined) => ({
        kind: 'answer',
        message: { Op: Op.JoinReply, ...clusterFields(joined) },
        session: { ...session, clusterId: joined.id },
      })),
  };
}

export function serveGetCluster(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  const cluster = selectCluster(message, session.clusterId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: {
      kind: 'get-cluster',
      clientId: session.clientId,
      cluster,
      which: message.Which ? bigintOf(message.Which) : ALL_MEMBERS,
      cursor: session.rosterId === undefined ? undefined : { clusterId: session.rosterId, from: session.rosterFrom },
      rosterBytesMax: context.rosterBytesMax,
      sealed: session.keys.dialect === 'sealed',
      ...claimOf(session, message, context),
    },
    conclude: (reply) => {
      if (reply.kind !== 'roster') return withCluster(reply, neverHappens);
      const { cluster, which, next, roster } = reply;
      return {
        kind: 'answer',
        message: {
          Op: Op.ClusterMembers,
          ClusterID: Buffer.from(cluster.id, 'hex'),
          // Sent only to a client whose request has the field. Field clients keep getting the reply they know (R11).
          ...(message.ClusterSize !== null && message.ClusterSize !== undefined && { ClusterSize: cluster.size }),
          Which: longOf(which),
        },
        roster,
        session:
          session.rosterId === cluster.id && session.rosterFrom === next
            ? session
            : { ...session, rosterId: cluster.id, rosterFrom: next },
      };
    },
  };
}

/** Selects the cluster by ID, else by name, else the session's own (R5, R7). An empty field counts as absent. */
export function selectCluster(message: Message, ofSession: string | undefined): ClusterRef | undefined {
  if (message.ClusterID?.length) {
    // Cuts an overlong ID to one byte too many: no cluster has it, and the command stays small.
    return { id: Buffer.from(message.ClusterID.subarray(0, ID_BYTES + 1)).toString('hex') };
  }
  if (message.ClusterName) return { name: message.ClusterName };
  return ofSession === undefined ? undefined : { id: ofSession };
}

function clusterFields(cluster: ClusterProperties): Message {
  return {
    ClusterID: Buffer.from(cluster.id, 'hex'),
    ClusterSize: cluster.size,
    ClusterAttrs: longOf(cluster.attrs),
    EndPointCount: cluster.endPointCount,
  };
}

export type Conclusion = Exclude<Step, { kind: 'question' }>;

export function withCluster(reply: Reply, answer: (cluster: ClusterProperties) => Conclusion): Conclusion {
  if (reply.kind === 'refused') return { kind: 'refused', why: reply.refusal };
  return reply.kind === 'cluster' ? answer(reply.cluster) : neverHappens();
}

function neverHappens(): never {
  throw new Error('the table answered another question than it was asked');
}
