// Serves GetRoster (W3), in the sealed dialect: the roster body of a complete cluster's epoch, signed, and its members.
import { longOf, type Message, Op } from '../wire/message.ts';
import { selectCluster } from './cluster-messages.ts';
import type { IdentifiedSession, SessionContext, Step } from './session.ts';
import { claimOf } from './token-messages.ts';

export function serveGetRoster(session: IdentifiedSession, message: Message, context: SessionContext): Step {
  const cluster = selectCluster(message, session.clusterId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: { kind: 'get-roster', clientId: session.clientId, cluster, ...claimOf(session, message, context) },
    conclude(reply) {
      if (reply.kind === 'refused') return { kind: 'refused', why: reply.refusal };
      if (reply.kind !== 'saved-roster') throw new Error('the table answered another question than it was asked');
      const { clusterId, body, which, roster } = reply;
      return {
        kind: 'answer',
        message: {
          Op: Op.SavedRoster,
          ClusterID: Buffer.from(clusterId, 'hex'),
          Which: longOf(which),
          RosterBody: body,
          RosterSignature: context.signRoster!(body),
        },
        roster,
        session,
      };
    },
  };
}
