// Planted bugs: each makes the barrier wrong in one way, and the oracle has to notice.
import type { Decision } from '../../src/registry/barrier.ts';
import type { Cluster } from '../../src/registry/cluster.ts';
import type { Command, OperatorCommand } from '../../src/registry/command.ts';
import { EPOCH_KEY, ROSTER_KEY } from '../../src/registry/epoch.ts';
import { admissionKey } from '../../src/registry/join-tokens.ts';
import type { Outcome } from '../../src/registry/outcome.ts';
import type { Round } from '../../src/registry/round.ts';
import type { Mark } from '../../src/registry/round-clock.ts';
import type { Compare, RequestOp, TxnRequest } from '../../src/store/etcd/etcd-calls.ts';
import { CompareResult, CompareTarget } from '../../src/store/etcd/etcd-calls.ts';
import { isToken, isUse } from './entry-oracles.ts';
import { textOf } from './mini-etcd.ts';
import { KEYS } from './simulated-store.ts';

/** The places at which a bug changes a server. Each part is optional. */
export interface Variant {
  readonly name: string;
  /** Changes each transaction; `cluster` is in the state that the transaction leads to. */
  edit?(request: TxnRequest, cluster: Cluster | undefined): TxnRequest;
  /** The next round; by default random. */
  newRound?(made: number): string;
  /** Changes a cluster before its next decision. */
  beforeDecision?(cluster: Cluster): void;
  /** Changes a cluster before a command, whatever it is about. */
  beforeCommand?(command: Command | OperatorCommand, cluster: Cluster): void;
  /** Changes the result of a command. */
  answered?(outcome: Outcome): Outcome;
  /** Drops decisions. */
  keeps?(decision: Decision, confirmedHere: boolean): boolean;
  /** Marks pass by the sockets and the workers. */
  readonly marksBypass?: true;
  /** Changes a round whose age has been set back because messages may be late. */
  setBack?(round: Round): void;
  /** Changes the times of a mark that is back. */
  seenMark?(mark: Mark): Mark;
}

export const CORRECT: Variant = { name: 'none' };

/** Edits every transaction in a request, nested ones too. */
function eachTransaction(request: TxnRequest, edit: (transaction: TxnRequest) => TxnRequest): TxnRequest {
  const success = request.success!.map((op): RequestOp => {
    return op.request_txn ? { request_txn: eachTransaction(op.request_txn as TxnRequest, edit) } : op;
  });
  return edit({ ...request, success } as TxnRequest);
}

function withoutConditions(
  request: TxnRequest,
  isDropped: (compare: Compare, transaction: TxnRequest) => boolean,
): TxnRequest {
  return eachTransaction(request, (transaction) => {
    return {
      ...transaction,
      compare: transaction.compare!.filter((one) => !isDropped(one, transaction)),
    } as TxnRequest;
  });
}

const isUnder = (prefix: string, key: Uint8Array | null | undefined) => textOf(key).startsWith(KEYS.prefix + prefix);
const putsState = (transaction: TxnRequest, first: string) =>
  transaction.success!.some(
    ({ request_put: put }) => put && isUnder('k/', put.key) && textOf(put.value).startsWith(first),
  );

/** The entry that a key in etcd is; empty for any other key. */
function entryIn(key: Uint8Array | null | undefined): string {
  return /^x\/[0-9a-f]{64}\/(.*)$/.exec(textOf(key).slice(KEYS.prefix.length))?.[1] ?? '';
}

function stripConfirmations(request: TxnRequest): TxnRequest {
  return withoutConditions(request, ({ key }) => isUnder('f/', key));
}

const LOST_ROUNDS = new WeakMap<Cluster, { id: string; confirmed: Set<string> }>();

export const PLANTED: readonly Variant[] = [
  {
    name: 'completion by count',
    beforeDecision({ isFull, round, seats }) {
      if (isFull && round) for (const member of seats) round.confirmed.add(member!.clientId);
    },
  },
  {
    name: 'a round stored with the join',
    edit: (request, cluster) =>
      eachTransaction(request, (transaction) => {
        const seat = transaction.success!.find(({ request_put: put }) => put && isUnder('m/', put.key))?.request_put;
        const isNew = transaction.compare!.some(
          ({ key, target, result }) =>
            seat &&
            textOf(key) === textOf(seat.key) &&
            target === CompareTarget.CREATE &&
            result === CompareResult.EQUAL,
        );
        if (!cluster?.isFull || cluster.round || !isNew) return transaction;
        const key = Buffer.from(KEYS.roundState(cluster.record.id));
        const value = Buffer.from(`r${Buffer.from(seat!.value!).toString('hex').slice(2, 10).padStart(16, '0')}`);
        return { ...transaction, success: [...transaction.success!, { request_put: { key, value } }] } as TxnRequest;
      }),
  },
  { name: 'rounds as small integers', newRound: (made) => String(made % 2).padStart(16, '0') },
  {
    name: 'a confirmation carried over to the next round',
    beforeDecision(cluster) {
      const { round } = cluster;
      if (!round) return;
      const known = LOST_ROUNDS.get(cluster);
      if (known && known.id !== round.id) for (const client of known.confirmed) round.confirmed.add(client);
      LOST_ROUNDS.set(cluster, { id: round.id, confirmed: new Set(round.confirmed) });
    },
  },
  { name: 'removal without the condition that nobody has confirmed', edit: stripConfirmations },
  { name: 'removal before reading what has arrived', marksBypass: true },
  {
    name: 'completion without comparing the members',
    edit: (request) =>
      withoutConditions(request, ({ key }, transaction) => putsState(transaction, 'c') && isUnder('m/', key)),
  },
  {
    // A range of keys does not show a deleted one.
    name: 'a round begun without comparing each seat',
    edit: (request) =>
      withoutConditions(request, ({ key, result }, transaction) => {
        return putsState(transaction, 'r') && isUnder('m/', key) && result === CompareResult.GREATER;
      }),
  },
  {
    name: 'completion only behind an own confirmation',
    keeps: ({ event }, confirmedHere) => event?.kind !== 'completed' || confirmedHere,
  },
  {
    name: 'no k',
    edit: (request) =>
      eachTransaction(request, (transaction) => {
        const compare = transaction.compare!.filter(({ key }) => !isUnder('k/', key));
        const success = transaction.success!.filter(({ request_put: put, request_delete_range: removal }) => {
          // The oracle reads the completion from it.
          if (put && textOf(put.value) === 'c') return true;
          return !isUnder('k/', put?.key ?? removal?.key ?? Buffer.alloc(0));
        });
        return { ...transaction, compare, success } as TxnRequest;
      }),
  },
  {
    name: 'a stall that sets the age to 0',
    setBack(round) {
      round.ageMs = 0;
      round.countedMs = 0;
    },
  },
  {
    name: 'stalls that set the age back without end',
    setBack(round) {
      round.countedMs = 0;
    },
  },
  { name: 'late marks that count', seenMark: (mark) => ({ ...mark, sentAt: mark.backAt }) },
  {
    // Servers with one table give the same seat and the same use, so either condition alone stops the second.
    name: 'a seat and a use given without comparing them',
    edit: (request) => withoutConditions(request, ({ key }) => isUnder('m/', key) || isUse(entryIn(key))),
  },
  {
    name: 'a round that keeps the uses of those it removes',
    edit: (request) =>
      eachTransaction(request, (transaction) => {
        if (!putsState(transaction, 'e')) return transaction;
        const success = transaction.success!.filter(({ request_delete_range: removal }) => {
          return !removal || !isUse(entryIn(removal.key));
        });
        return { ...transaction, success } as TxnRequest;
      }),
  },
  {
    name: 'a repeated Join that burns another use',
    beforeCommand(command, cluster) {
      if (command.kind === 'join') cluster.deleteEntry(admissionKey(command.clientId));
    },
  },
  {
    name: 'more uses than a token has',
    beforeCommand(_command, cluster) {
      for (const [key, value] of cluster.entries) {
        if (!isToken(key)) continue;
        const more = Uint8Array.from(value);
        more[0] = 1;
        cluster.setEntry(key, more);
      }
    },
  },
  {
    name: 'used up for good while the cluster forms',
    answered({ reply, ...outcome }) {
      if (reply.kind !== 'refused' || reply.refusal !== 'join-token-used-up') return { reply, ...outcome };
      return { reply: { kind: 'refused', refusal: reply.refusal }, ...outcome };
    },
  },
  {
    name: 'an epoch without comparing the one before',
    edit: (request) => withoutConditions(request, ({ key }) => [EPOCH_KEY, ROSTER_KEY].includes(entryIn(key))),
  },
];
