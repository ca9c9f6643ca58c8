// Serves Leave (A8): builds the command for the table (stage 2), and the reply from the table's reply (stage 5).
import { type Message, Op } from '../wire/message.ts';
import { selectCluster, withCluster } from './cluster-messages.ts';
import type { IdentifiedSession, Step } from './session.ts';

/** Only the sealed dialect has this message (M3). */
export function serveLeave(session: IdentifiedSession, message: Message): Step {
  const cluster = selectCluster(message, session.clusterId);
  if (!cluster) return { kind: 'refused', why: 'cluster-not-named' };
  return {
    kind: 'question',
    command: { kind: 'leave', clientId: session.clientId, cluster },
    conclude: (reply) =>
      withCluster(reply, ({ id }) => ({
        kind: 'answer',
        message: { Op: Op.LeaveReply, ClusterID: Buffer.from(id, 'hex') },
        session,
      })),
  };
}
