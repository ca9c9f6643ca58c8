// Between stages 1 and 2, and between 5 and 6: packs a session into the record that travels with each job. The front
// end keeps the record with the connection and replaces it by the one in a result, if that has one.
//
//   record = state(1) dialect(1) rosterFrom(1) keys(80) clientId createdId clusterId rosterId address toldRound(8)
//   keys   = key2(32) receiveChain(16) sendChain(16) salt2(8)             in the RSA dialects
//            receiveKey(32) sendKey(32) received(8) sent(8)               in the sealed one
//
// Each ID is length(1), then 32 bytes, zero-padded. Only the sealed dialect has an address: length(1), then text. Before
// the client is identified, its handshake hash is in the place of the client's ID.
import { strict as assert } from 'node:assert';
import { ROUND_BYTES } from '../limits.ts';
import type { AnyKeys, IdentifiedSession, Session } from '../session/session.ts';
import type { SessionKeys } from '../wire/dialect.ts';
import { SESSION_DIALECTS } from '../wire/hello.ts';
import type { SealedKeys } from '../wire/sealed-keys.ts';

const STATES = ['anonymous', 'identified'] as const;
const KEY_AT = 3;
const RECEIVE_CHAIN_AT = 35;
const SEND_CHAIN_AT = 51;
const SALT_AT = 67;
/** In the sealed dialect. */
const [SEND_KEY_AT, RECEIVED_AT, SENT_AT] = [35, 67, 75];
const IDS_AT = 83;
const ID_FIELD_BYTES = 33;
const NOTHING = new Uint8Array(0);

const ADDRESS_AT = IDS_AT + 4 * ID_FIELD_BYTES;
/** An IPv6 address with an embedded IPv4 address has 45 characters. */
const ADDRESS_CHARS_MAX = 45;

/** 8 bytes; zeros for none. */
const ROUND_AT = ADDRESS_AT + 1 + ADDRESS_CHARS_MAX;
const NO_ROUND = '0'.repeat(2 * ROUND_BYTES);

/** Length of every record. */
export const SESSION_RECORD_BYTES = ROUND_AT + ROUND_BYTES;

/** Writes a record to `target` at `at`. */
export function writeSession(session: Session, target: Buffer, at: number): void {
  const { keys } = session;
  target.fill(0, at, at + SESSION_RECORD_BYTES);
  target[at] = STATES.indexOf(session.state);
  target[at + 1] = SESSION_DIALECTS.indexOf(keys.dialect);
  writeKeys(keys, target, at);
  if (session.state === 'anonymous') {
    if (keys.dialect !== 'sealed') target.set(session.salt2, at + SALT_AT);
    return;
  }
  target[at + 2] = session.rosterFrom;
  if (session.toldRound !== undefined) target.write(session.toldRound, at + ROUND_AT, 'hex');
  for (const [place, id] of idsOf(session).entries()) {
    if (id === undefined) continue;
    const field = at + IDS_AT + place * ID_FIELD_BYTES;
    target[field] = target.write(id, field + 1, 'hex');
  }
}

function writeKeys(keys: AnyKeys, target: Buffer, at: number): void {
  if (keys.dialect !== 'sealed') {
    target.set(keys.key2, at + KEY_AT);
    target.set(keys.receiveChain, at + RECEIVE_CHAIN_AT);
    target.set(keys.sendChain, at + SEND_CHAIN_AT);
    return;
  }
  target.set(keys.receiveKey, at + KEY_AT);
  target.set(keys.sendKey, at + SEND_KEY_AT);
  target.writeDoubleLE(keys.received, at + RECEIVED_AT);
  target.writeDoubleLE(keys.sent, at + SENT_AT);
  target.set(keys.h, at + IDS_AT + 1);
  target[at + ADDRESS_AT] = target.write(keys.observedAddress, at + ADDRESS_AT + 1, ADDRESS_CHARS_MAX, 'latin1');
}

function readKeys(record: Buffer): AnyKeys {
  const dialect = SESSION_DIALECTS[record[1]!]!;
  if (dialect === 'sealed') return readSealedKeys(record);
  const chainBytes = dialect === 'chained' ? 16 : 0;
  return {
    dialect,
    key2: record.subarray(KEY_AT, KEY_AT + 32),
    receiveChain: record.subarray(RECEIVE_CHAIN_AT, RECEIVE_CHAIN_AT + chainBytes),
    sendChain: record.subarray(SEND_CHAIN_AT, SEND_CHAIN_AT + chainBytes),
  } satisfies SessionKeys;
}

function readSealedKeys(record: Buffer): SealedKeys {
  const addressAt = ADDRESS_AT + 1;
  const isAnonymous = STATES[record[0]!] === 'anonymous';
  return {
    dialect: 'sealed',
    receiveKey: record.subarray(KEY_AT, KEY_AT + 32),
    sendKey: record.subarray(SEND_KEY_AT, SEND_KEY_AT + 32),
    received: record.readDoubleLE(RECEIVED_AT),
    sent: record.readDoubleLE(SENT_AT),
    h: isAnonymous ? record.subarray(IDS_AT + 1, IDS_AT + ID_FIELD_BYTES) : NOTHING,
    observedAddress: record.toString('latin1', addressAt, addressAt + record[ADDRESS_AT]!),
  };
}

/** Reads a record. Keys and salt of the session are views of the record. */
export function readSession(record: Buffer): Session {
  assert(record.length === SESSION_RECORD_BYTES, 'every session record has the same length');
  const keys = readKeys(record);
  if (STATES[record[0]!] === 'anonymous') {
    const salt2 = keys.dialect === 'sealed' ? NOTHING : record.subarray(SALT_AT, SALT_AT + 8);
    return { state: 'anonymous', keys, salt2 };
  }
  const [clientId, createdId, clusterId, rosterId] = [0, 1, 2, 3].map((place) => {
    const field = IDS_AT + place * ID_FIELD_BYTES;
    const length = record[field]!;
    return length === 0 ? undefined : record.toString('hex', field + 1, field + 1 + length);
  });
  const round = record.toString('hex', ROUND_AT, ROUND_AT + ROUND_BYTES);
  const toldRound = round === NO_ROUND ? undefined : round;
  const roster = { rosterId, rosterFrom: record[2]!, toldRound };
  return { state: 'identified', keys, clientId: clientId!, createdId, clusterId, ...roster };
}

function idsOf({ clientId, createdId, clusterId, rosterId }: IdentifiedSession) {
  return [clientId, createdId, clusterId, rosterId];
}
