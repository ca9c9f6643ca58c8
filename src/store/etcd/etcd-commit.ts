// Stage 4 with etcd: stores a batch as nested transactions, several in one request, several requests in parallel, and
// repeats those that failed. Invariant: an item waits until the items that it depends on are settled. No key is written
// twice in a request, and every condition, which etcd checks before any write of the request, sees the writes that it
// depends on.
import type { Change } from '../../registry/command.ts';
import type { CommitOutcome, StoreItem } from '../store.ts';
import {
  type KeyValue,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
  toNumber,
} from './etcd-calls.ts';
import { put } from './etcd-conditions.ts';
import { type EtcdKeys, keyOf } from './etcd-keys.ts';
import { type Found, type Plan, type PlannedChange, planChange } from './planned-change.ts';

/** The surroundings of a commit. */
export interface CommitContext {
  readonly keys: EtcdKeys;
  /** The revision of the table. */
  readonly known: number;
  /** Returns a unique value for the head. */
  stamp(): Uint8Array;
  /** Makes a transaction, and repeats it while its outcome is unknown. */
  transact(request: TxnRequest): Promise<TxnResponse>;
}

/** The result of a commit. */
export interface Committed {
  readonly outcomes: CommitOutcome[];
  /** Revisions of its writes. */
  readonly revisions: readonly number[];
}

/**
 * Transactions nested in a request. etcd's limit of 128 operations counts the nested transactions plus the operations
 * of the longest: with the head that leaves 79 for each, and the removal of a full cluster has 69.
 */
export const TRANSACTIONS_MAX = 48;
/** Changes of a displacement in one transaction; a seat takes three operations. */
const DISPLACED_AT_ONCE = 16;
/** etcd's limit is 1.5 MB. */
const REQUEST_BYTES_MAX = 512 * 1024;
/** Requests in parallel. */
export const REQUESTS_AT_ONCE = 4;
/** Plans from reads for one part; beyond it, the part counts as a conflict. */
const ATTEMPTS_MAX = 5;

const CONFLICT: CommitOutcome = { kind: 'conflict', current: [] };

/** One nested transaction: a whole item, or one seat that keeps the old token of a client that registers again. */
class Part {
  readonly changes: readonly PlannedChange[];
  /** Its keys are known only after a read, so it shares a request with its like (`clusters`) or with none (`all`). */
  readonly alone: 'clusters' | 'all' | undefined;
  readonly bytes: number;
  readonly before: readonly Part[];
  attempts = 0;
  plans: readonly Plan[] | undefined;
  outcome: CommitOutcome | undefined;

  constructor(
    changes: readonly Change[],
    together: readonly Change[],
    context: CommitContext,
    before: readonly Part[] = [],
  ) {
    this.changes = changes.map((change) => planChange(change, together, context.keys));
    const kinds = new Set(changes.map(({ kind }) => kind));
    this.alone = kinds.has('member-removal') ? 'all' : kinds.has('cluster-removal') ? 'clusters' : undefined;
    this.before = before;
    const first = this.changes.map((change) => change.optimistic(context.known));
    this.plans = first.every((plan) => plan !== undefined) ? (first as Plan[]) : undefined;
    this.bytes = changes.reduce((sum, change) => sum + 1_024 + bytesIn(change), 0);
  }

  get isReady(): boolean {
    return this.before.every(({ outcome }) => outcome !== undefined);
  }

  request(): RequestOp {
    const failure = this.changes.flatMap(({ reads }) => reads);
    if (!this.plans) return { request_txn: { compare: [], success: failure, failure: [] } };
    const compare = this.plans.flatMap(({ conditions }) => conditions);
    return { request_txn: { compare: [...compare], success: this.plans.flatMap(({ writes }) => writes), failure } };
  }

  /** Processes the response: sets the outcome, or the plans of the next attempt. */
  answered({ succeeded, responses }: TxnResponse, revision: number, known: (revision: number) => boolean): void {
    if (this.plans && succeeded) {
      this.outcome = { kind: 'stored' };
      return;
    }
    const keys = new Map<string, KeyValue>();
    for (const { response_range: range } of responses ?? []) for (const kv of range?.kvs ?? []) keys.set(keyOf(kv), kv);
    const found: Found = { keys, revision, known };
    const next = this.changes.map((change) => change.resolve(found));
    const conflict = next.find((end) => 'kind' in end && end.kind === 'conflict') as CommitOutcome | undefined;
    const plans = next.filter((end) => 'writes' in end);
    if (conflict) this.outcome = conflict;
    else if (plans.length === 0) this.outcome = { kind: 'stored' };
    else if (++this.attempts >= ATTEMPTS_MAX) this.outcome = CONFLICT;
    else this.plans = plans;
  }
}

/** Stores a batch. Rejects as `transact` does; some of the items may be stored then. */
export async function commitItems(items: readonly StoreItem[], context: CommitContext): Promise<Committed> {
  const last = items.map((item) => partsOf('kind' in item ? [item] : item, context));
  const own = new Set<number>();
  const isKnown = (revision: number) => revision <= context.known || own.has(revision);
  let open = last.flatMap((part) => [...part.before, part]);
  while (open.length > 0) {
    for (const part of open)
      if (part.isReady && part.before.some(({ outcome }) => outcome!.kind === 'conflict')) part.outcome = CONFLICT;
    open = open.filter(({ outcome }) => outcome === undefined);
    const requests = inRequests(independent(open));
    for (let i = 0; i < requests.length; i += REQUESTS_AT_ONCE) {
      await Promise.all(
        requests.slice(i, i + REQUESTS_AT_ONCE).map(async (parts) => {
          const writes = parts.some(({ plans }) => plans);
          const success = parts.map((part) => part.request());
          if (writes) success.push(put(context.keys.head, context.stamp()));
          const { header, responses } = await context.transact({ compare: [], success, failure: [] });
          const revision = toNumber(header?.revision);
          if (writes) own.add(revision);
          for (const [i, part] of parts.entries()) part.answered(nested(responses?.[i]), revision, isKnown);
        }),
      );
    }
  }
  return { outcomes: last.map(({ outcome }) => outcome!), revisions: [...own] };
}

/** Bytes of a change's parts that may be long. */
function bytesIn(change: Change): number {
  if (change.kind === 'entry') return change.value.length;
  return 'token' in change ? change.token.length + (change.sealed?.length ?? 0) : 0;
}

function nested(response: ResponseOp | undefined): TxnResponse {
  if (!response?.response_txn) throw new Error('etcd sent a response that does not match the request');
  return response.response_txn;
}

/**
 * The last part of an item. A client's new registration comes with the seats that keep the old token. The seats are
 * stored before it, one by one, because they may exceed a transaction. They change nothing while the client's record is
 * the old one.
 */
function partsOf(changes: readonly Change[], context: CommitContext): Part {
  const last = changes.at(-1);
  if (last?.kind === 'client' && last.displaces !== undefined && changes.length > DISPLACED_AT_ONCE) {
    // The seats of the former holder may exceed a transaction, too. It would lose them in any case.
    const removals = changes.slice(0, -1).map((removal) => new Part([removal], changes, context));
    return new Part([last], changes, context, removals);
  }
  const [first, ...seats] = changes;
  const keep =
    first?.kind === 'client' && seats.length > 0 && seats.every((seat) => seat.kind === 'member' && !seat.ofClient);
  if (!keep) return new Part(changes, changes, context);
  const before = seats.map((seat) => new Part([seat], changes, context));
  return new Part([first], changes, context, before);
}

/** The parts that depend on no earlier part; the first is always one of them. */
function independent(open: readonly Part[]): Part[] {
  const [written, touched, needed] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const chosen: Part[] = [];
  let alone: Part['alone'];
  for (const [place, part] of open.entries()) {
    if (place > 0 && (alone === 'all' || part.alone === 'all' || alone !== part.alone)) break;
    alone = part.alone;
    const writes = part.changes.flatMap((change) => change.written);
    const touches = part.changes.flatMap((change) => change.touched);
    const needs = part.changes.flatMap((change) => change.needed);
    const waits =
      writes.some((key) => written.has(key) || needed.has(key)) ||
      touches.some((key) => needed.has(key)) ||
      needs.some((key) => written.has(key) || touched.has(key));
    if (part.isReady && !waits) chosen.push(part);
    for (const key of writes) written.add(key);
    for (const key of touches) touched.add(key);
    for (const key of needs) needed.add(key);
  }
  return chosen;
}

/** Packs parts into requests within the limits of etcd. */
function inRequests(parts: readonly Part[]): Part[][] {
  const requests: Part[][] = [];
  let bytes = Infinity;
  for (const part of parts) {
    if (bytes + part.bytes > REQUEST_BYTES_MAX || requests.at(-1)!.length === TRANSACTIONS_MAX) {
      requests.push([]);
      bytes = 0;
    }
    requests.at(-1)!.push(part);
    bytes += part.bytes;
  }
  return requests;
}
