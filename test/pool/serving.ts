// Serves messages with a real table, which replies at once.

import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Answer, IdentifiedSession, Refused, Session, Waiting } from '../../src/session/session.ts';
import { step } from '../../src/session/step.ts';
import { signToken } from '../../src/wire/member-token.ts';
import { type Message, Op } from '../../src/wire/message.ts';
import { NO_LIMITS } from '../registry/arbitrary-commands.ts';
import { anonymous, CLIENT_ID, contextOf } from '../session/sessions.ts';
import { bytes, messageOf, privateKey, vectors } from '../wire/vectors.ts';

export const REGISTRY_ID = 'ee'.repeat(32);
/** A token of the vectors. */
export const NO_ID = messageOf(vectors.tokens.find(({ name }) => name === 'no ID')!.fields);
/** The key that signs it. */
export const memberSk = privateKey('memberSk');

/** A table of that registry without limits. */
export function newTable(): ClusterTable {
  return new ClusterTable(REGISTRY_ID, NO_LIMITS, 0);
}

export type Conclusion = Answer | Refused | Waiting;

/** Serves a message with the table's immediate reply. */
export function serve(table: ClusterTable, session: Session, message: Message, random = 1): Conclusion {
  const next = step(session, message.Op as Op, message, contextOf(random));
  return next.kind === 'question' ? next.conclude(table.apply(next.command, 0).reply) : next;
}

export function why(outcome: Conclusion) {
  return outcome.kind === 'refused' ? outcome.why : undefined;
}

export function answered(outcome: Conclusion): Answer {
  if (outcome.kind === 'waiting') throw new Error('the request waits');
  if (outcome.kind === 'refused') throw new Error(outcome.why);
  return outcome;
}

/** A table with one client, and that client's session. */
export function withClient(ends: readonly string[] = ['10.0.0.1:4001', '10.0.0.2:4002'], id = CLIENT_ID) {
  const table = newTable();
  const session = join(table, 'node-1', ends, id);
  return { table, session };
}

export function join(table: ClusterTable, name: string, ends: readonly string[], id: string): IdentifiedSession {
  const token = signToken({ ...NO_ID, Name: name, ID: bytes(id), MyEnds: [...ends] }, memberSk);
  return answered(serve(table, anonymous, { Op: Op.Client, ClientSpecs: token })).session as IdentifiedSession;
}
