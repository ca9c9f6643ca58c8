// What a message means in a session: the one table of state × message (S1), and the way through it. Pure.
import { type Message, Op } from '../wire/message.ts';
import { serveClient } from './client-message.ts';
import { serveCreate, serveGetCluster, serveJoin } from './cluster-messages.ts';
import type { AnonymousSession, IdentifiedSession, Session, SessionContext, Step } from './session.ts';

/** How a message is served in the state it is allowed in. */
type Handler<S extends Session> = (session: S, message: Message, context: SessionContext) => Step;

/** State × message; what is not in it is `invalid msg type for current state`. docs/PROTOCOL.md shows the same table. */
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
    [Op.Bye]: serveBye,
  },
};

/** The messages that only the registry sends (S3). */
const OF_REGISTRY: ReadonlySet<Op> = new Set([
  Op.RegCredReply,
  Op.ClientOK,
  Op.CreateReply,
  Op.JoinReply,
  Op.ClusterMembers,
  Op.Ack,
  Op.Error,
]);

const SALT_BYTES_MIN = 8;

/** What to do about a message whose Op is `op`. */
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

function serveRegCredRequest(session: Session, _message: Message, context: SessionContext): Step {
  const message = { Op: Op.RegCredReply, Version: context.version, ClientSpecs: context.registryToken };
  return { kind: 'answer', message, session };
}

function serveBye(session: Session): Step {
  return { kind: 'answer', message: { Op: Op.Ack }, session, end: 'bye' };
}
