// Gives seats up: an operator evicts a member, or a client leaves (R14, A8, Q7). Part of stage 3 of the data path,
// sequential. Pure like the table.
import { endAdmission } from './admission.ts';
import type { Cluster } from './cluster.ts';
import { propertiesOf } from './cluster-views.ts';
import type { MemberSelector, Reply } from './command.ts';
import { answer, type Outcome, refuse } from './outcome.ts';
import { vacateSeat } from './seating.ts';
import type { TableContents } from './table-contents.ts';

/** Evicts a member at `now`, in milliseconds of the coordinator's clock. Its admission ends, too (A3). */
export function evict(cluster: Cluster, member: MemberSelector, contents: TableContents, now: number): Outcome {
  const index = 'id' in member ? cluster.seatOf(member.id) : cluster.seatNamed(member.name);
  const evicted = cluster.seats[index];
  if (!evicted) return 'id' in member ? shutOut(cluster, member.id, contents) : refuse('client-unknown');
  const ended = endAdmission(cluster, contents.clients.get(evicted.clientId)?.record.sigKeyDigest);
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
  return { reply, ...vacateSeat(contents, cluster, index, { now, why: 'evicted', also: ended }) };
}

/** Ends the admission of a client that has no seat, so that it cannot come back without a token. */
function shutOut(cluster: Cluster, clientId: string, contents: TableContents): Outcome {
  const ended = endAdmission(cluster, contents.clients.get(clientId)?.record.sigKeyDigest);
  if (ended.changes.length === 0) return refuse('client-unknown');
  return {
    reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
    changes: ended.changes,
    undo: () => ended.undo(),
  };
}

/** Gives a client's seat back at `now`, in milliseconds of the coordinator's clock. No error if it has none. */
export function leave(cluster: Cluster, clientId: string, contents: TableContents, now: number): Outcome {
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
  const index = cluster.seatOf(clientId);
  if (index < 0) return answer(reply);
  const { name: member } = cluster.seats[index]!;
  const left = vacateSeat(contents, cluster, index, { now, why: 'left' });
  return { reply, ...left, audits: [{ action: 'leave', member }] };
}
