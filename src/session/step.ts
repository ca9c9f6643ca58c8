// Dispatches a message by the table of state × message (S1). Part of stage 2 of the data path: pure code that workers
// run in parallel; it touches no queue.
import { type Message, Op } from '../wire/message.ts';
import { serveChangeTokens } from './change-tokens-message.ts';
import { serveClient } from './client-message.ts';
import { serveCreate, serveGetCluster, serveJoin, serveResumed } from './cluster-messages.ts';
import { serveLeave } from './leave-message.ts';
import { serveGetRoster } from './roster-messages.ts';
import type { AnonymousSession, Answer, IdentifiedSession, Session, SessionContext, Step } from './session.ts';

/** Serves a message in a state that allows it. */
type Handler<S extends Session> = (session: S, message: Message, context: SessionContext) => Step;

/**
 * State × message. All other pairs are `invalid msg type for current state`. docs/reference/protocol.md shows the same
 * table.
 */
export const SERVED: {
  readonly anonymous: { readonly [op in Op]?: Handler<AnonymousSession> };
  readonly identified: { readonly [op in Op]?: Handler<IdentifiedSession> };
} = {
  anonymous: {
    [Op.RegCredRequest]: serveRegCredRequest,
    [Op.Client]: serveClient,
    [Op.Bye]: serveBye,
  },
  identified: {
    [Op.RegCredRequest]: serveRegCredRequest,
    [Op.Create]: serveCreate,
    [Op.Join]: serveJoin,
    [Op.GetCluster]: serveGetCluster,
    [Op.Bye]: serveMembersBye,
    [Op.Leave]: serveLeave,
    [Op.ChangeTokens]: serveChangeTokens,
    [Op.GetRoster]: serveGetRoster,
  },
};

/** Messages that only the registry sends (S3). */
const OF_REGISTRY: ReadonlySet<Op> = new Set([
  Op.RegCredReply,
  Op.ClientOK,
  Op.CreateReply,
  Op.JoinReply,
  Op.ClusterMembers,
  Op.Ack,
  Op.Error,
  Op.LeaveReply,
  Op.TokensReply,
  Op.SavedRoster,
]);

const SALT_BYTES_MIN = 8;

/** Serves one message, whose Op is `op`. */
export function step(session: Session, op: Op, message: Message, context: SessionContext): Step {
  if (OF_REGISTRY.has(op)) return { kind: 'refused', why: 'message-of-registry' };
  for (const salt of [message.Salt1, message.Salt2]) {
    if (salt && salt.length < SALT_BYTES_MIN) return { kind: 'refused', why: 'salt-too-short' };
  }
  const step =
    session.state === 'anonymous'
      ? SERVED.anonymous[op]?.(session, message, context)
      : SERVED.identified[op]?.(session, message, context);
  return step ?? { kind: 'refused', why: 'message-in-wrong-state' };
}

/** Serves a GetCluster that has waited (V5). With `last` its wait is over. */
export function resume(session: Session, message: Message, context: SessionContext, last: boolean): Step {
  if (session.state !== 'identified') return { kind: 'refused', why: 'message-in-wrong-state' };
  return serveResumed(session, message, context, last);
}

function serveRegCredRequest(session: Session, _message: Message, context: SessionContext): Step {
  const { keys } = session;
  const observed = keys.dialect === 'sealed' && keys.observedAddress !== '';
  const message = {
    Op: Op.RegCredReply,
    Version: context.version,
    ClientSpecs: context.registryToken,
    ...(observed && { ObservedAddress: keys.observedAddress }),
  };
  return { kind: 'answer', message, session };
}

/** A Bye of an RSA dialect confirms a round (Q5). The Ack follows in any case. */
function serveMembersBye(session: IdentifiedSession): Step {
  const { clientId, rosterId: clusterId, toldRound: round } = session;
  if (round === undefined || clusterId === undefined) return serveBye(session);
  return {
    kind: 'question',
    command: { kind: 'confirm', clientId, clusterId, round },
    conclude: () => serveBye(session),
  };
}

function serveBye(session: Session): Answer {
  return { kind: 'answer', message: { Op: Op.Ack }, session, end: 'bye' };
}
