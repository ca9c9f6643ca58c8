// Serves Create, Join and GetCluster (R1 to R11, R13). Builds the command for the table (stage 2), and the reply
// message from the table's reply (stage 5).
import {
  CLUSTER_END_POINTS_MAX,
  CLUSTER_SIZE_MAX,
  CLUSTER_SIZE_MIN,
  CONFIRM_MS_MAX,
  CONFIRM_MS_MIN,
  HISTORY_BYTES,
  ID_BYTES,
  ROUND_BYTES,
} from '../limits.ts';
import type {
  BarrierView,
  ClusterProperties,
  ClusterRef,
  KnownVersion,
  Reply,
  RequestedWait,
  RosterReply,
  RosterState,
} from '../registry/command.ts';
import { bigintOf, longOf, type Message, Op } from '../wire/message.ts';
import { isName } from '../wire/name.ts';
import type { Answer, IdentifiedSession, Refused, SessionContext, Step, Waiting } from './session.ts';
import { admitsOf, claimOf } from './token-messages.ts';

/** Bits of cluster attrs that clients cannot set: 2 is `deleted` (R4). */
const ATTRS_OF_REGISTRY = 2n;

/** WaitFor of a request that waits for a round to confirm or for completion (V5). */
const WAIT_FOR_COMPLETION = 1;

const ALL_MEMBERS = 0xffff_ffff_ffff_ffffn;

export function serveCreate(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  if (!message.ClusterName) return { kind: 'refused', why: 'cluster-not-named' };
  if (!isName(message.ClusterName)) return { kind: 'refused', why: 'name-invalid' };
  const endPointCount = message.EndPointCount ?? 1;
  if (endPointCount === 0) return { kind: 'refused', why: 'end-point-count-zero' };
  const admits = admitsOf(session, message, context);
  if (typeof admits === 'string') return { kind: 'refused', why: admits };
  const id = Buffer.from(context.random(ID_BYTES)).toString('hex');
  return {
    kind: 'question',
    command: {
      kind: 'create',
      clientId: session.clientId,
      name: message.ClusterName,
      id,
      size: Math.min(Math.max(message.ClusterSize ?? 0, CLUSTER_SIZE_MIN), CLUSTER_SIZE_MAX),
      endPointCount: Math.min(endPointCount, CLUSTER_END_POINTS_MAX),
      attrs: bigintOf(message.ClusterAttrs) & ~ATTRS_OF_REGISTRY,
      ...(isSealed(session) && { confirmMs: confirmMsOf(message) }),
      ...admits,
    },
    conclude: (reply) =>
      withCluster(reply, (cluster) => ({
        kind: 'answer',
        message: {
          Op: Op.CreateReply,
          ...clusterFields(cluster),
          ...confirmField(session, cluster),
          // A cluster that this Create has made has the ID that the command proposed (R15).
          ...(isSealed(session) && { Existed: cluster.id !== id }),
        },
        session: { ...session, createdId: cluster.id, clusterId: cluster.id },
      })),
  };
}

export function serveJoin(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  const cluster = selectCluster(message, session.createdId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: {
      kind: 'join',
      clientId: session.clientId,
      cluster,
      ...roundIn(session, message),
      ...claimOf(session, message, context),
    },
    conclude: (reply) =>
      withCluster(reply, (joined, round) => ({
        kind: 'answer',
        message: {
          Op: Op.JoinReply,
          ...clusterFields(joined),
          ...confirmField(session, joined),
          ...(isSealed(session) && round !== undefined && { Round: Buffer.from(round, 'hex') }),
        },
        session: { ...session, clusterId: joined.id },
      })),
  };
}

export function serveGetCluster(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  return readRoster(session, message, context, readingOf(session, message, context));
}

/** Serves a GetCluster that has waited (V5). With `last` its wait is over. */
export function serveResumed(
  session: IdentifiedSession,
  message: Message,
  context: SessionContext,
  last: boolean,
): Step {
  const { known, wait } = readingOf(session, message, context);
  const left = last || !wait ? undefined : { ...wait, resumed: true };
  return readRoster(session, message, context, { known, wait: left, waited: true });
}

/** The wishes of a sealed GetCluster besides members. */
interface Reading {
  readonly known: KnownVersion | undefined;
  readonly wait: (RequestedWait & { readonly ms: number }) | undefined;
  /** True if the request has waited before. */
  readonly waited: boolean;
}

const PLAIN: Reading = { known: undefined, wait: undefined, waited: false };

/** KnownVersion counts only with a History, and WaitMs only with both (V2, V5). */
function readingOf({ keys }: IdentifiedSession, message: Message, { maxWaitMs }: SessionContext): Reading {
  const { KnownVersion, History, WaitMs, WaitFor } = message;
  if (keys.dialect !== 'sealed' || !KnownVersion || History?.length !== HISTORY_BYTES) return PLAIN;
  const version = bigintOf(KnownVersion);
  // No version of ours is as large.
  if (version > BigInt(Number.MAX_SAFE_INTEGER)) return PLAIN;
  const known = { version: Number(version), history: Buffer.from(History).toString('hex') };
  const ms = Math.min(WaitMs ?? 0, maxWaitMs);
  const until = WaitFor === WAIT_FOR_COMPLETION ? 'complete' : 'change';
  return { known, wait: ms > 0 ? { until, resumed: false, ms } : undefined, waited: false };
}

function readRoster(
  session: IdentifiedSession,
  message: Message,
  context: SessionContext,
  { known, wait, waited }: Reading,
): Step {
  const cluster = selectCluster(message, session.clusterId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  const parked = (clusterId: string, version: number, atMostMs = Number.POSITIVE_INFINITY): Waiting => {
    const { until, ms } = wait!;
    const waitMs = Math.min(ms, atMostMs);
    return { kind: 'waiting', clusterId, version, until, waitMs, request: requestToResume(message, clusterId) };
  };
  return {
    kind: 'question',
    command: {
      kind: 'get-cluster',
      clientId: session.clientId,
      cluster,
      which: message.Which ? bigintOf(message.Which) : ALL_MEMBERS,
      cursor: session.rosterId === undefined ? undefined : { clusterId: session.rosterId, from: session.rosterFrom },
      rosterBytesMax: context.rosterBytesMax,
      known,
      wait: wait && { until: wait.until, resumed: wait.resumed },
      sealed: isSealed(session),
      ...(isSealed(session) ? roundIn(session, message) : toldIn(session)),
      ...claimOf(session, message, context),
    },
    conclude: (reply) => {
      if (reply.kind === 'waiting') return parked(reply.clusterId, reply.version, reply.atMostMs);
      if (reply.kind === 'refused' && reply.refusal === 'cannot-store' && known && 'id' in cluster) {
        // A store that is away refuses no wait (V6).
        if (wait) return parked(cluster.id, known.version);
        if (waited) return unchanged(session, cluster.id, known);
      }
      if (reply.kind !== 'roster') return withCluster(reply, neverHappens);
      return rosterAnswer(session, message, reply);
    },
  };
}

/** A request that waited, with its cluster's ID, without fields that a resumed one does not need. */
function requestToResume(message: Message, clusterId: string): Message {
  const { Which, ClusterSize, KnownVersion, History, WaitFor, WaitMs, Round, JoinToken } = message;
  const asked = { Which: Which ?? null, ClusterSize: ClusterSize ?? null, WaitFor: WaitFor ?? null };
  const known = { KnownVersion: KnownVersion ?? null, History: History ?? null, WaitMs: WaitMs ?? null };
  // The token is checked again when the request is resumed.
  const carried = { Round: Round ?? null, JoinToken: JoinToken ?? null };
  return { Op: Op.GetCluster, ClusterID: Buffer.from(clusterId, 'hex'), ...asked, ...known, ...carried };
}

/** The answer at the end of a wait while the table cannot be trusted: what the client knows. */
function unchanged(session: IdentifiedSession, clusterId: string, { version, history }: KnownVersion): Answer {
  const known = { ClusterVersion: longOf(BigInt(version)), History: Buffer.from(history, 'hex') };
  const message = { Op: Op.ClusterMembers, ClusterID: Buffer.from(clusterId, 'hex'), Which: longOf(0n), ...known };
  return { kind: 'answer', message, session };
}

function rosterAnswer(session: IdentifiedSession, message: Message, reply: RosterReply): Answer {
  const { cluster, which, next, roster, sealed, barrier } = reply;
  const toldRound = isSealed(session) ? undefined : barrier?.round;
  return {
    kind: 'answer',
    message: {
      Op: Op.ClusterMembers,
      ClusterID: Buffer.from(cluster.id, 'hex'),
      // Sent only to a client whose request has the field. Field clients keep getting the reply they know (R11).
      ...(message.ClusterSize !== null && message.ClusterSize !== undefined && { ClusterSize: cluster.size }),
      Which: longOf(which),
      ...(sealed && stateFields(sealed)),
      ...(barrier && isSealed(session) && barrierFields(barrier)),
    },
    roster,
    session:
      session.rosterId === cluster.id && session.rosterFrom === next && session.toldRound === toldRound
        ? session
        : { ...session, rosterId: cluster.id, rosterFrom: next, toldRound },
  };
}

function stateFields({ version, history, epoch, emptied, rosterHash, yourSeat }: RosterState): Message {
  return {
    ClusterVersion: longOf(BigInt(version)),
    Epoch: longOf(BigInt(epoch)),
    History: Buffer.from(history, 'hex'),
    Emptied: longOf(emptied),
    RosterHash: rosterHash,
    YourSeat: yourSeat,
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

function barrierFields({ round, confirmed }: BarrierView): Message {
  return {
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

export type Conclusion = Answer | Refused;

export function withCluster(
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
