// Plans one change as a transaction: its conditions, its writes, and the reads that explain why a condition failed. The
// optimistic plan supposes that a new record does not exist yet. If that fails, `resolve` decides from the reads, by
// the rules of Store. A change that finds its own record counts as stored: the request was repeated because its outcome
// was unknown.

import { stateAfterLeave } from '../../registry/barrier.ts';
import type {
  Change,
  ClientRecord,
  ClientRemoval,
  ClusterRecord,
  ClusterRemoval,
  EntryRecord,
  EntryRemoval,
  MemberRecord,
  MemberRef,
  MemberRemoval,
  Registration,
} from '../../registry/command.ts';
import type { CommitOutcome } from '../store.ts';
import {
  clientKey,
  clusterKey,
  encodeClient,
  encodeCluster,
  encodeEntry,
  encodeMember,
  entryKey,
  mayReplace,
  memberKey,
} from '../stored-record.ts';
import { type KeyValue, toNumber } from './etcd-calls.ts';
import {
  absent,
  noneUnder,
  noneWrittenAfter,
  notWrittenAfter,
  present,
  put,
  read,
  readNewestUnder,
  readUnder,
  remove,
  removeUnder,
  writtenAt,
} from './etcd-conditions.ts';
import { type EtcdKeys, twoDigits } from './etcd-keys.ts';
import type { Found, PlannedChange } from './plan.ts';
import { endingRound, inRoundState, isInRoundState, planRoundChange } from './planned-round.ts';

const STORED: CommitOutcome = { kind: 'stored' };
const CONFLICT: CommitOutcome = { kind: 'conflict', current: [] };

function conflictWith(...current: Change[]): CommitOutcome {
  return { kind: 'conflict', current };
}

function revisionOf(kv: KeyValue): number {
  return toNumber(kv.mod_revision);
}

function isEqual(kv: KeyValue, value: Uint8Array): boolean {
  return Buffer.compare(kv.value ?? Buffer.alloc(0), value) === 0;
}

function underOf({ keys }: Found, prefix: string): [string, KeyValue][] {
  return [...keys].filter(([key]) => key.startsWith(prefix));
}

/** `together` has all changes of the item. */
export function planChange(change: Change, together: readonly Change[], keys: EtcdKeys): PlannedChange {
  switch (change.kind) {
    case 'client':
      return planClient(change, keys);
    case 'cluster':
      return planCluster(change, keys);
    case 'member':
      return planMember(change, together, keys);
    case 'client-removal':
      return planClientRemoval(change, keys);
    case 'cluster-removal':
      return planClusterRemoval(change, keys);
    case 'member-removal':
      return planMemberRemoval(change, keys);
    case 'round':
    case 'confirmation':
    case 'completion':
    case 'round-end':
      return planRoundChange(change, keys);
    case 'entry':
      return planEntry(change, together, keys);
    case 'entry-removal':
      return planEntryRemoval(change, keys);
  }
}

function planClient(change: ClientRecord, keys: EtcdKeys): PlannedChange {
  const key = keys.client(change.clientId);
  const seats = keys.seats(change.clientId);
  const value = encodeClient(clientKey(change.clientId), change);
  const writes = [put(key, value)];
  return {
    written: [key],
    touched: [],
    needed: [seats],
    reads: [read(key), readUnder(seats)],
    optimistic: () => ({ conditions: [absent(key)], writes }),
    resolve(found) {
      const current = found.keys.get(key);
      if (current === undefined) return { conditions: [absent(key)], writes };
      if (isEqual(current, value)) return STORED;
      const record = keys.record(key, current.value!) as ClientRecord;
      if (!mayReplace(change, record)) return conflictWith(record);
      // Seats that the table does not know would keep the wrong token.
      if (underOf(found, seats).some(([, seat]) => !found.known(revisionOf(seat)))) return CONFLICT;
      return { conditions: [writtenAt(key, revisionOf(current)), noneWrittenAfter(seats, found.revision)], writes };
    },
  };
}

function planCluster(change: ClusterRecord, keys: EtcdKeys): PlannedChange {
  const key = keys.clusterName(change.name);
  const idKey = keys.cluster(change.id);
  const value = encodeCluster(clusterKey(change.name), change);
  const writes = [put(key, value), put(idKey, change.name)];
  return {
    written: [key, idKey],
    touched: [],
    needed: [],
    reads: [read(key)],
    optimistic: () => ({ conditions: [absent(key)], writes }),
    resolve({ keys: found }) {
      const current = found.get(key);
      if (current === undefined) return { conditions: [absent(key)], writes };
      if (isEqual(current, value)) return STORED;
      const record = keys.record(key, current.value!) as ClusterRecord;
      return record.id === change.id
        ? { conditions: [writtenAt(key, revisionOf(current))], writes }
        : conflictWith(record);
    },
  };
}

function planMember(change: MemberRecord, together: readonly Change[], keys: EtcdKeys): PlannedChange {
  const { clusterId, clientId, index, name, ofClient = false, roundState, replaces } = change;
  const [cluster, client] = [keys.cluster(clusterId), keys.client(clientId)];
  const key = keys.member(clusterId, index);
  const nameKey = keys.memberName(clusterId, name);
  const seatKey = keys.seat(clientId, clusterId);
  const value = encodeMember(memberKey(clusterId, index), change, ofClient);
  const writes = [put(key, value), put(nameKey, twoDigits(index)), put(seatKey, twoDigits(index))];
  const inRound = roundState === undefined ? [] : [inRoundState(keys, clusterId, roundState)];
  const seat = [present(cluster), absent(key), absent(nameKey), absent(seatKey), ...inRound];
  const roundKeys = roundState === undefined ? [] : [keys.roundState(clusterId)];
  const ends = replaces !== undefined && roundState !== undefined && stateAfterLeave(roundState) !== roundState;
  const endsRound = ends ? endingRound(keys, clusterId) : [];
  // A client that registers in the same item needs no check.
  const registers = together.some((other) => other.kind === 'client');
  const checksClient = ofClient && !registers;
  const keepsToken = registers && !ofClient;
  return {
    written: [key, nameKey, seatKey, ...(ends ? roundKeys : [])],
    touched: [clientId, ...(replaces === undefined ? [] : [replaces])].map((id) => keys.seats(id)),
    needed: checksClient || keepsToken ? [cluster, client] : [cluster],
    reads: [cluster, key, nameKey, seatKey, ...roundKeys, ...(checksClient || keepsToken ? [client] : [])].map(read),
    optimistic(known) {
      if ((together.length > 1 && !ofClient) || replaces !== undefined) return undefined;
      const registered = checksClient ? [present(client), notWrittenAfter(client, known)] : [];
      return { conditions: [...seat, ...registered], writes };
    },
    resolve(found) {
      const { keys: kvs } = found;
      if (!kvs.has(cluster)) return CONFLICT;
      const current = kvs.get(key);
      if (current && isEqual(current, value)) return STORED;
      const record = current && (keys.record(key, current.value!) as MemberRecord | MemberRef);
      const isReplaced = record !== undefined && record.clientId === replaces && record.name === name;
      if (record && record.clientId !== clientId && !isReplaced)
        return record.kind === 'member' ? conflictWith(record) : CONFLICT;
      // The seat that was to keep its token is empty or has another one: another server has changed it, or the Join
      // before this change, in the same batch, was not stored.
      if (keepsToken && !(current && found.known(revisionOf(current)) && hasToken(found, keys, record!, change))) {
        return CONFLICT;
      }
      if (roundState !== undefined && !isInRoundState(found, keys, clusterId, roundState)) return CONFLICT;
      const registration = kvs.get(client);
      if (checksClient && !(registration && found.known(revisionOf(registration)))) return CONFLICT;
      const registered = checksClient ? [writtenAt(client, revisionOf(registration!))] : [];
      if (!current) {
        if (kvs.has(nameKey) || kvs.has(seatKey)) return CONFLICT;
        return { conditions: [...seat, ...registered], writes };
      }
      const same = [present(cluster), writtenAt(key, revisionOf(current)), ...registered, ...inRound];
      if (isReplaced) {
        if (kvs.has(seatKey)) return CONFLICT;
        const moved = [...endsRound, ...writes, remove(keys.seat(record.clientId, clusterId))];
        return { conditions: [...same, absent(seatKey)], writes: moved };
      }
      // A registration that is being stored has to notice the new token: it looks at s.
      if (record!.name === name) return { conditions: same, writes: [writes[0]!, writes[2]!] };
      if (kvs.has(nameKey)) return CONFLICT;
      const renamed = [...writes, remove(keys.memberName(clusterId, record!.name))];
      return { conditions: [...same, absent(nameKey)], writes: renamed };
    },
  };
}

/** True if readers get this registration's token from a stored seat, which may have that of its client's record. */
function hasToken(found: Found, keys: EtcdKeys, seat: MemberRecord | MemberRef, wanted: Registration): boolean {
  const client = keys.client(wanted.clientId);
  const stored = found.keys.get(client);
  const shown = seat.kind === 'member' ? seat : stored && (keys.record(client, stored.value!) as ClientRecord);
  const sealedOf = ({ sealed = new Uint8Array() }: Registration) => sealed;
  if (!shown || Buffer.compare(shown.token, wanted.token) !== 0) return false;
  return Buffer.compare(sealedOf(shown), sealedOf(wanted)) === 0;
}

function planClientRemoval({ clientId }: ClientRemoval, keys: EtcdKeys): PlannedChange {
  const key = keys.client(clientId);
  const [seats, use] = [keys.seats(clientId), keys.use(clientId)];
  return {
    written: [key],
    touched: [],
    needed: [seats],
    reads: [read(key), readUnder(seats), read(use)],
    optimistic: () => undefined,
    resolve(found) {
      const current = found.keys.get(key);
      if (current === undefined) return STORED;
      const used = found.keys.has(use) || underOf(found, seats).length > 0;
      if (used || !found.known(revisionOf(current))) return CONFLICT;
      const conditions = [writtenAt(key, revisionOf(current)), noneUnder(seats), absent(use)];
      return { conditions, writes: [remove(key)] };
    },
  };
}

function planClusterRemoval({ id, name, expired }: ClusterRemoval, keys: EtcdKeys): PlannedChange {
  const key = keys.cluster(id);
  const nameKey = keys.clusterName(name);
  const [members, entries, use] = [keys.members(id), keys.entries(id), keys.use(id)];
  return {
    written: [key, nameKey],
    touched: [],
    needed: [],
    reads: [read(key), readUnder(members), ...(expired ? [read(use), read(nameKey), readNewestUnder(entries)] : [])],
    optimistic: () => undefined,
    resolve(found) {
      if (!found.keys.has(key)) return STORED;
      const seated = underOf(found, members);
      // The table does not know of a new member or entry, or of an operator's mark.
      const record = found.keys.get(nameKey);
      const read = [...seated, ...underOf(found, entries)].map(([, kv]) => kv);
      const unknown = [...read, ...(record ? [record] : [])].some((kv) => !found.known(revisionOf(kv)));
      if (expired && (unknown || found.keys.has(use))) return CONFLICT;
      const { revision } = found;
      const unused = expired
        ? [absent(use), notWrittenAfter(nameKey, revision), noneWrittenAfter(entries, revision)]
        : [];
      const seats = seated.map(([key, { value }]) => {
        return remove(keys.seat((keys.record(key, value!) as MemberRecord | MemberRef).clientId, id));
      });
      return {
        conditions: [present(key), noneWrittenAfter(members, revision), ...unused],
        writes: [
          ...[remove(key), remove(nameKey), removeUnder(members), removeUnder(keys.memberNames(id))],
          ...[removeUnder(entries), ...endingRound(keys, id), ...seats],
        ],
      };
    },
  };
}

function planMemberRemoval({ clusterId, index, clientId, roundState }: MemberRemoval, keys: EtcdKeys): PlannedChange {
  const key = keys.member(clusterId, index);
  const inRound = roundState === undefined ? [] : [inRoundState(keys, clusterId, roundState)];
  const endsRound = roundState !== undefined && stateAfterLeave(roundState) !== roundState;
  return {
    written: [key],
    touched: [],
    needed: [],
    reads: [read(key), ...(inRound.length > 0 ? [read(keys.roundState(clusterId))] : [])],
    optimistic: () => undefined,
    resolve(found) {
      const current = found.keys.get(key);
      if (current === undefined) return STORED;
      if (roundState !== undefined && !isInRoundState(found, keys, clusterId, roundState)) return CONFLICT;
      const record = keys.record(key, current.value!) as MemberRecord | MemberRef;
      if (record.clientId !== clientId) return record.kind === 'member' ? conflictWith(record) : CONFLICT;
      // The client has joined again since. The first attempt of this request may have removed the seat already.
      if (!found.known(toNumber(current.create_revision))) return STORED;
      const names = keys.memberName(clusterId, record.name);
      return {
        conditions: [writtenAt(key, revisionOf(current)), ...inRound],
        writes: [
          ...(endsRound ? endingRound(keys, clusterId) : []),
          ...[remove(key), remove(names), remove(keys.seat(clientId, clusterId))],
        ],
      };
    },
  };
}

function planEntry(change: EntryRecord, together: readonly Change[], keys: EtcdKeys): PlannedChange {
  const { clusterId, ifAbsent } = change;
  const cluster = keys.cluster(clusterId);
  const needed = change.needs === undefined ? [] : [keys.entry(clusterId, change.needs)];
  const key = keys.entry(clusterId, change.key);
  const value = encodeEntry(entryKey(clusterId, change.key), change);
  const writes = [put(key, value)];
  // A cluster that is created in the same item needs no check.
  const isNew = together.some((other) => other.kind === 'cluster' && other.id === clusterId);
  const stands = [...(isNew ? [] : [cluster]), ...needed].map(present);
  return {
    written: [key],
    touched: [],
    needed: [...(isNew ? [] : [cluster]), ...needed],
    reads: [cluster, key, ...needed].map(read),
    optimistic: (known) => ({
      conditions: [...stands, ifAbsent ? absent(key) : notWrittenAfter(key, known)],
      writes,
    }),
    resolve(found) {
      if (!isNew && !found.keys.has(cluster)) return CONFLICT;
      if (needed.some((other) => !found.keys.has(other))) return CONFLICT;
      const current = found.keys.get(key);
      if (current === undefined) return { conditions: [...stands, absent(key)], writes };
      if (isEqual(current, value)) return STORED;
      const revision = revisionOf(current);
      if (ifAbsent || !found.known(revision)) return conflictWith(keys.record(key, current.value!) as EntryRecord);
      return { conditions: [...stands, writtenAt(key, revision)], writes };
    },
  };
}

function planEntryRemoval({ clusterId, key: entry }: EntryRemoval, keys: EtcdKeys): PlannedChange {
  const key = keys.entry(clusterId, entry);
  const writes = [remove(key)];
  return {
    written: [key],
    touched: [],
    needed: [],
    reads: [read(key)],
    optimistic: (known) => ({ conditions: [notWrittenAfter(key, known)], writes }),
    resolve({ keys: found, known }) {
      const current = found.get(key);
      if (current === undefined) return STORED;
      const revision = revisionOf(current);
      if (!known(revision)) return conflictWith(keys.record(key, current.value!) as EntryRecord);
      return { conditions: [writtenAt(key, revision)], writes };
    },
  };
}
