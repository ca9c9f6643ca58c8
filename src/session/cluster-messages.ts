// Serves Create, Join and GetCluster (R1 to R11, R13). Builds the command for the table (stage 2), and the reply
// message from the table's reply (stage 5).
import {
  CLUSTER_END_POINTS_MAX,
  CLUSTER_SIZE_MAX,
  CLUSTER_SIZE_MIN,
  CONFIRM_MS_MAX,
  CONFIRM_MS_MIN,
  ID_BYTES,
  ROUND_BYTES,
} from '../limits.ts';
import type { BarrierView, ClusterProperties, ClusterRef, Reply } from '../registry/command.ts';
import { bigintOf, longOf, type Message, Op } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import type { IdentifiedSession, SessionContext, Step } from './session.ts';

/** Bits of cluster attrs that clients cannot set: 2 is `deleted` (R4). */
const ATTRS_OF_REGISTRY = 2n;

const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;

export function serveCreate(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  if (!message.ClusterName) return { kind: 'refused', why: 'cluster-not-named' };
  if (!isName(message.ClusterName)) return { kind: 'refused', why: 'name-invalid' };
  const endPointCount = message.EndPointCount ?? 1;
  if (endPointCount === 0) return { kind: 'refused', why: 'end-point-count-zero' };
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
      ...(isSealed(session) && { confirmMs: confirmMsOf(message) }),
    },
    conclude: (reply) =>
      withCluster(reply, (cluster) => ({
        kind: 'answer',
        message: { Op: Op.CreateReply, ...clusterFields(cluster), ...confirmField(session, cluster) },
        session: { ...session, createdId: cluster.id, clusterId: cluster.id },
      })),
  };
}

export function serveJoin(session: IdentifiedSession, message: Message): Step {
  const cluster = selectCluster(message, session.createdId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: { kind: 'join', clientId: session.clientId, cluster, ...roundIn(session, message) },
    conclude: (reply) =>
      withCluster(reply, (joined, round) => ({
        kind: 'answer',
        message: {
          ...{ Op: Op.JoinReply, ...clusterFields(joined), ...confirmField(session, joined) },
          ...(isSealed(session) && round !== undefined && { Round: Buffer.from(round, 'hex') }),
        },
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
      sealed: isSealed(session),
      ...(isSealed(session) ? roundIn(session, message) : toldIn(session)),
    },
    conclude: (reply) => {
      if (reply.kind !== 'roster') return withCluster(reply, neverHappens);
      const { cluster, which, next, roster, barrier } = reply;
      const toldRound = isSealed(session) ? undefined : barrier?.round;
      return {
        kind: 'answer',
        message: {
          Op: Op.ClusterMembers,
          ClusterID: Buffer.from(cluster.id, 'hex'),
          // Sent only to a client whose request has the field. Field clients keep getting the reply they know (R11).
          ...(message.ClusterSize !== null && message.ClusterSize !== undefined && { ClusterSize: cluster.size }),
          Which: longOf(which),
          ...(barrier && isSealed(session) && barrierFields(barrier)),
        },
        roster,
        session:
          session.rosterId === cluster.id && session.rosterFrom === next && session.toldRound === toldRound
            ? session
            : { ...session, rosterId: cluster.id, rosterFrom: next, toldRound },
      };
    },
  };
}

/** Selects the cluster by ID, else by name, else the session's own (R5, R7). An empty field counts as absent. */
function selectCluster(message: Message, ofSession: string | undefined): ClusterRef | undefined {
  if (message.ClusterID?.length) {
    // Cuts an overlong ID to one byte too many: no cluster has it, and the command stays small.
    return { id: Buffer.from(message.ClusterID.subarray(0, ID_BYTES + 1)).toString('hex') };
  }
  if (message.ClusterName) return { name: message.ClusterName };
  return ofSession === undefined ? undefined : { id: ofSession };
}

function isSealed({ keys }: IdentifiedSession): boolean {
  return keys.dialect === 'sealed';
}

/** The confirm time of a new cluster: 0, or within its bounds (Q1). */
function confirmMsOf({ ConfirmMs }: Message): number {
  return ConfirmMs ? Math.min(Math.max(ConfirmMs, CONFIRM_MS_MIN), CONFIRM_MS_MAX) : 0;
}

/** The round that a message of the sealed dialect carries (Q4). One of another length is ignored like another round. */
function roundIn(session: IdentifiedSession, { Round }: Message): { readonly round?: string } {
  if (!isSealed(session) || Round?.length !== ROUND_BYTES) return {};
  return { round: Buffer.from(Round).toString('hex') };
}

/** The round that a client of an RSA dialect confirms by asking again (Q5). */
function toldIn({ toldRound }: IdentifiedSession): { readonly round?: string } {
  return toldRound === undefined ? {} : { round: toldRound };
}

function confirmField(session: IdentifiedSession, { confirmMs }: ClusterProperties): Message {
  return isSealed(session) && confirmMs !== undefined ? { ConfirmMs: confirmMs } : {};
}

function barrierFields({ epoch, round, confirmed }: BarrierView): Message {
  return {
    Epoch: longOf(BigInt(epoch)),
    Confirmed: longOf(confirmed),
    ...(round !== undefined && { Round: Buffer.from(round, 'hex') }),
  };
}

function clusterFields(cluster: ClusterProperties): Message {
  return {
    ClusterID: Buffer.from(cluster.id, 'hex'),
    ClusterSize: cluster.size,
    ClusterAttrs: longOf(cluster.attrs),
    EndPointCount: cluster.endPointCount,
  };
}

type Conclusion = Exclude<Step, { kind: 'question' }>;

function withCluster(
  reply: Reply,
  answer: (cluster: ClusterProperties, round: string | undefined) => Conclusion,
): Conclusion {
  if (reply.kind === 'refused') {
    const { refusal: why, retryAfterMs } = reply;
    return { kind: 'refused', why, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  return reply.kind === 'cluster' ? answer(reply.cluster, reply.round) : neverHappens();
}

function neverHappens(): never {
  throw new Error('the table answered another question than it was asked');
}
