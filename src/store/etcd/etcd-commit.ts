// A batch of items on its way into etcd: many transactions nested in one request, some requests at once, and again for what
// could not be stored at first. Invariant: what depends on another item of the batch waits until that one is settled, so that
// no key is written twice in a request and conditions, which etcd checks before it writes anything, find what they need.
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

/** What a commit needs. */
export interface CommitMeans {
  readonly keys: EtcdKeys;
  /** The revision that the table is of. */
  readonly known: number;
  /** A value for the head that nothing else ever had. */
  stamp(): Uint8Array;
  /** Carries a transaction out; made again for as long as its outcome is unknown. */
  transact(request: TxnRequest): Promise<TxnResponse>;
}

/** What came of it. */
export interface Committed {
  readonly outcomes: CommitOutcome[];
  /** Revisions at which it wrote something, and nobody else did. */
  readonly revisions: readonly number[];
}

/**
 * Transactions nested in a request. etcd takes 128 operations, what is nested included once: with the head that leaves 79
 * for each, and the removal of a full cluster is 68.
 */
export const TRANSACTIONS_MAX = 48;
/** etcd takes 1.5 MB. */
const REQUEST_BYTES_MAX = 512 * 1024;
export const REQUESTS_AT_ONCE = 4;
/** How often what stands there may have changed between reading and writing. */
const ATTEMPTS_MAX = 5;

const CONFLICT: CommitOutcome = { kind: 'conflict', current: [] };

/** One transaction to be: all of an item, or one of the seats that keep the token which its client gives up. */
class Part {
  readonly changes: readonly PlannedChange[];
  /** It changes what cannot be known before it has been read. */
  readonly alone: 'clusters' | 'all' | undefined;
  readonly bytes: number;
  readonly before: readonly Part[];
  attempts = 0;
  plans: readonly Plan[] | undefined;
  outcome: CommitOutcome | undefined;

  constructor(
    changes: readonly Change[],
    together: readonly Change[],
    means: CommitMeans,
    before: readonly Part[] = [],
  ) {
    this.changes = changes.map((change) => planChange(change, together, means.keys));
    const kinds = new Set(changes.map(({ kind }) => kind));
    this.alone = kinds.has('member-removal') ? 'all' : kinds.has('cluster-removal') ? 'clusters' : undefined;
    this.before = before;
    const first = this.changes.map((change) => change.optimistic(means.known));
    this.plans = first.every((plan) => plan !== undefined) ? (first as Plan[]) : undefined;
    this.bytes = changes.reduce((sum, change) => sum + 1_024 + ('token' in change ? change.token.length : 0), 0);
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

  /** Takes the answer of etcd; there is an outcome, or another request to make. */
  answered({ succeeded, responses }: TxnResponse, revision: number, known: (revision: number) => boolean): void {
    if (this.plans && succeeded) {
      this.outcome = { kind: 'stored' };
      return;
    }
    const keys = new Map<string, KeyValue>();
    for (const { response_range: range } of responses ?? []) for (const kv of range?.kvs ?? []) keys.set(keyOf(kv), kv);
    const found: Found = { keys, revision, known };
    const next = this.changes.map((change) => change.resolve(found));
    const lost = next.find((end) => 'kind' in end && end.kind === 'conflict') as CommitOutcome | undefined;
    const plans = next.filter((end) => 'writes' in end);
    if (lost) this.outcome = lost;
    else if (plans.length === 0) this.outcome = { kind: 'stored' };
    else if (++this.attempts >= ATTEMPTS_MAX) this.outcome = CONFLICT;
    else this.plans = plans;
  }
}

/** Stores a batch as far as it can be. Rejects as `transact` does; then nobody knows what of it is stored. */
export async function commitItems(items: readonly StoreItem[], means: CommitMeans): Promise<Committed> {
  const ends = items.map((item) => partsOf('kind' in item ? [item] : item, means));
  const own = new Set<number>();
  const isKnown = (revision: number) => revision <= means.known || own.has(revision);
  let open = ends.flatMap((part) => [...part.before, part]);
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
          if (writes) success.push(put(means.keys.head, means.stamp()));
          const { header, responses } = await means.transact({ compare: [], success, failure: [] });
          const revision = toNumber(header?.revision);
          if (writes) own.add(revision);
          for (const [i, part] of parts.entries()) part.answered(nested(responses?.[i]), revision, isKnown);
        }),
      );
    }
  }
  return { outcomes: ends.map(({ outcome }) => outcome!), revisions: [...own] };
}

function nested(response: ResponseOp | undefined): TxnResponse {
  if (!response?.response_txn) throw new Error('etcd answers something else than it was asked');
  return response.response_txn;
}

/**
 * The last part of an item. A client's new registration comes with the seats that keep the old one: those are stored first,
 * one by one, since they may be more than fit a transaction; as long as the client is as it was, they change nothing.
 */
function partsOf(changes: readonly Change[], means: CommitMeans): Part {
  const [first, ...seats] = changes;
  const keep =
    first?.kind === 'client' && seats.length > 0 && seats.every((seat) => seat.kind === 'member' && !seat.ofClient);
  if (!keep) return new Part(changes, changes, means);
  const before = seats.map((seat) => new Part([seat], changes, means));
  return new Part([first], changes, means, before);
}

/** Those that depend on none that stands in front of them, which includes the first. */
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
