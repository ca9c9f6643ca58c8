// Between stages 1 and 2, and between 5 and 6: packs a session into the record that travels with each job. The front
// end keeps the record with the connection and replaces it by the one in a result, if that has one.
//
//   record = state(1) dialect(1) rosterFrom(1) key2(32) receiveChain(16) sendChain(16) salt2(8)
//            clientId createdId clusterId rosterId     each: length(1) then 32 bytes, zero-padded
import { strict as assert } from 'node:assert';
import type { IdentifiedSession, Session } from '../session/session.ts';
import type { SessionKeys } from '../wire/dialect.ts';

const STATES = ['anonymous', 'identified'] as const;
const DIALECTS = ['chained', 'prefixed'] as const;
const KEY_AT = 3;
const RECEIVE_CHAIN_AT = 35;
const SEND_CHAIN_AT = 51;
const SALT_AT = 67;
const IDS_AT = 75;
const ID_FIELD_BYTES = 33;

/** Length of every record. */
export const SESSION_RECORD_BYTES = IDS_AT + 4 * ID_FIELD_BYTES;

/** Writes a record to `target` at `at`. */
export function writeSession(session: Session, target: Buffer, at: number): void {
  const { keys } = session;
  target.fill(0, at, at + SESSION_RECORD_BYTES);
  target[at] = STATES.indexOf(session.state);
  target[at + 1] = DIALECTS.indexOf(keys.dialect);
  target.set(keys.key2, at + KEY_AT);
  target.set(keys.receiveChain, at + RECEIVE_CHAIN_AT);
  target.set(keys.sendChain, at + SEND_CHAIN_AT);
  if (session.state === 'anonymous') {
    target.set(session.salt2, at + SALT_AT);
    return;
  }
  target[at + 2] = session.rosterFrom;
  for (const [place, id] of idsOf(session).entries()) {
    if (id === undefined) continue;
    const field = at + IDS_AT + place * ID_FIELD_BYTES;
    target[field] = target.write(id, field + 1, 'hex');
  }
}

/** Reads a record. Keys and salt of the session are views of the record. */
export function readSession(record: Buffer): Session {
  assert(record.length === SESSION_RECORD_BYTES, 'every session record has the same length');
  const dialect = DIALECTS[record[1]!]!;
  const chainBytes = dialect === 'chained' ? 16 : 0;
  const keys: SessionKeys = {
    dialect,
    key2: record.subarray(KEY_AT, KEY_AT + 32),
    receiveChain: record.subarray(RECEIVE_CHAIN_AT, RECEIVE_CHAIN_AT + chainBytes),
    sendChain: record.subarray(SEND_CHAIN_AT, SEND_CHAIN_AT + chainBytes),
  };
  if (STATES[record[0]!] === 'anonymous') {
    return { state: 'anonymous', keys, salt2: record.subarray(SALT_AT, SALT_AT + 8) };
  }
  const [clientId, createdId, clusterId, rosterId] = [0, 1, 2, 3].map((place) => {
    const field = IDS_AT + place * ID_FIELD_BYTES;
    const length = record[field]!;
    return length === 0 ? undefined : record.toString('hex', field + 1, field + 1 + length);
  });
  return { state: 'identified', keys, clientId: clientId!, createdId, clusterId, rosterId, rosterFrom: record[2]! };
}

function idsOf({ clientId, createdId, clusterId, rosterId }: IdentifiedSession) {
  return [clientId, createdId, clusterId, rosterId];
}
