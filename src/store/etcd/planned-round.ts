// Plans the changes of a round: k/CLUSTER has the round state, f/CLUSTER/CLIENT a confirmation. Invariant: a decision
// about a round is never planned again after a failed condition. The coordinator decides anew from the caught-up table.
import type { Completion, Confirmation, RoundBegin, RoundEnd, RoundState } from '../../registry/round-change.ts';
import type { CommitOutcome } from '../store.ts';
import type { Compare, RequestOp } from './etcd-calls.ts';
import {
  absent,
  holds,
  noneWrittenAfter,
  notWrittenAfter,
  present,
  put,
  read,
  remove,
  removeUnder,
} from './etcd-conditions.ts';
import { bytesOf, type EtcdKeys } from './etcd-keys.ts';
import type { Found, Plan, PlannedChange } from './plan.ts';

const STORED: CommitOutcome = { kind: 'stored' };
const CONFLICT: CommitOutcome = { kind: 'conflict', current: [] };

/** The cluster has this round state. */
export function inRoundState(keys: EtcdKeys, clusterId: string, state: RoundState): Compare {
  const key = keys.roundState(clusterId);
  return state === '' ? absent(key) : holds(key, state);
}

/** True if the reads have found this round state. */
export function isInRoundState({ keys: found }: Found, keys: EtcdKeys, clusterId: string, state: RoundState): boolean {
  const value = found.get(keys.roundState(clusterId))?.value;
  return (value ? Buffer.from(value).toString('latin1') : '') === state;
}

/** Ends a round with its confirmations. */
export function endingRound(keys: EtcdKeys, clusterId: string): RequestOp[] {
  return [remove(keys.roundState(clusterId)), removeUnder(keys.confirmations(clusterId))];
}

export function planRoundChange(
  change: RoundBegin | Confirmation | Completion | RoundEnd,
  keys: EtcdKeys,
): PlannedChange {
  switch (change.kind) {
    case 'round':
      return planBegin(change, keys);
    case 'confirmation':
      return planConfirmation(change, keys);
    case 'completion':
      return planCompletion(change, keys);
    case 'round-end':
      return planEnd(change, keys);
  }
}

/**
 * All seats are taken by the members that the table has. A range of keys says nothing of deleted ones, so each key has to
 * be present.
 */
function asFull(keys: EtcdKeys, clusterId: string, size: number, known: number): Compare[] {
  const seats = Array.from({ length: size }, (_, index) => present(keys.member(clusterId, index)));
  return [...seats, noneWrittenAfter(keys.members(clusterId), known)];
}

/** Neither the round state nor a member has been written since the table's revision. */
function planBegin({ clusterId, size, before, after }: RoundBegin, keys: EtcdKeys): PlannedChange {
  const key = keys.roundState(clusterId);
  return decided(keys, clusterId, after, (known) => ({
    conditions: [
      present(keys.cluster(clusterId)),
      inRoundState(keys, clusterId, before),
      notWrittenAfter(key, known),
      ...asFull(keys, clusterId, size, known),
    ],
    writes: [put(key, after), removeUnder(keys.confirmations(clusterId))],
  }));
}

function planConfirmation({ clusterId, clientId, round }: Confirmation, keys: EtcdKeys): PlannedChange {
  const key = keys.confirmation(clusterId, clientId);
  return {
    written: [key],
    touched: [],
    needed: [keys.roundState(clusterId)],
    reads: [read(key), read(keys.roundState(clusterId))],
    optimistic: () => ({ conditions: [inRoundState(keys, clusterId, round)], writes: [put(key, round)] }),
    resolve({ keys: found }) {
      const value = found.get(key)?.value;
      return value && Buffer.compare(value, bytesOf(round)) === 0 ? STORED : CONFLICT;
    },
  };
}

function planCompletion({ clusterId, size, before }: Completion, keys: EtcdKeys): PlannedChange {
  return decided(keys, clusterId, 'c', (known) => ({
    conditions: [
      present(keys.cluster(clusterId)),
      inRoundState(keys, clusterId, before),
      ...asFull(keys, clusterId, size, known),
    ],
    writes: [put(keys.roundState(clusterId), 'c'), removeUnder(keys.confirmations(clusterId))],
  }));
}

/** The state is written first: who learns of an emptied seat then knows why. */
function planEnd({ clusterId, before, after, seats, unconfirmed }: RoundEnd, keys: EtcdKeys): PlannedChange {
  const key = keys.roundState(clusterId);
  const plan = (known: number): Plan => ({
    conditions: [
      inRoundState(keys, clusterId, before),
      noneWrittenAfter(keys.members(clusterId), known),
      ...unconfirmed.map((clientId) => absent(keys.confirmation(clusterId, clientId))),
    ],
    writes: [
      put(key, after),
      removeUnder(keys.confirmations(clusterId)),
      ...seats.flatMap(({ index, clientId, name }) =>
        [keys.member(clusterId, index), keys.memberName(clusterId, name), keys.seat(clientId, clusterId)].map(remove),
      ),
    ],
  });
  // An end by another server looks like an own request whose answer was lost.
  return {
    ...decided(keys, clusterId, undefined, plan),
    written: [key, ...seats.map(({ index }) => keys.member(clusterId, index))],
  };
}

/** A decision about a cluster. Its own result counts as stored: a request was repeated because its outcome was unknown. */
function decided(
  keys: EtcdKeys,
  clusterId: string,
  result: RoundState | undefined,
  optimistic: (known: number) => Plan,
): PlannedChange {
  const key = keys.roundState(clusterId);
  return {
    written: [key],
    touched: [],
    needed: [keys.members(clusterId)],
    reads: [read(key)],
    optimistic,
    resolve(found) {
      return result !== undefined && isInRoundState(found, keys, clusterId, result) ? STORED : CONFLICT;
    },
  };
}
