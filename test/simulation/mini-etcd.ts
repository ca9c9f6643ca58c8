// etcd's transactions in memory: keys with revisions, conditions, nested transactions, and the log of all events.
import {
  type Compare,
  CompareResult,
  CompareTarget,
  type KeyValue,
  type RequestOp,
  type ResponseOp,
  type TxnRequest,
  type TxnResponse,
  toNumber,
} from '../../src/store/etcd/etcd-calls.ts';

interface Kept {
  readonly value: Uint8Array;
  readonly created: number;
  readonly modified: number;
}

export interface LoggedEvent {
  readonly revision: number;
  readonly key: string;
  /** Undefined for a deletion. */
  readonly value: Uint8Array | undefined;
}

export class MiniEtcd {
  readonly keys = new Map<string, Kept>();
  readonly log: LoggedEvent[] = [];
  revision = 1;

  /** Carries out a transaction. All conditions are checked before any write; all writes have one revision. */
  transact(request: TxnRequest): TxnResponse {
    const before = this.log.length;
    const next = this.revision + 1;
    const run = this.#prepare(request);
    const response = run(next);
    if (this.log.length > before) this.revision = next;
    return { ...response, header: { revision: this.revision as never } };
  }

  under(prefix: string): [string, Kept][] {
    return [...this.keys].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #prepare({ compare, success, failure }: TxnRequest): (revision: number) => TxnResponse {
    const succeeded = compare!.every((one) => this.#holds(one));
    const steps = (succeeded ? success! : failure!).map((op) => this.#prepareOp(op));
    return (revision) => ({ succeeded, responses: steps.map((step) => step(revision)) }) as TxnResponse;
  }

  #prepareOp(op: RequestOp): (revision: number) => ResponseOp {
    if (op.request_txn) {
      const run = this.#prepare(op.request_txn as TxnRequest);
      return (revision) => ({ response_txn: run(revision) }) as ResponseOp;
    }
    return (revision) => this.#apply(op, revision);
  }

  #apply(
    { request_put: put, request_delete_range: removal, request_range: range }: RequestOp,
    revision: number,
  ): ResponseOp {
    if (put) {
      const key = textOf(put.key);
      const value = put.value!;
      this.keys.set(key, { value, created: this.keys.get(key)?.created ?? revision, modified: revision });
      this.log.push({ revision, key, value });
      return { response_put: {} } as ResponseOp;
    }
    if (removal) {
      for (const [key] of this.#found(removal.key, removal.range_end)) {
        this.keys.delete(key);
        this.log.push({ revision, key, value: undefined });
      }
      return { response_delete_range: {} } as ResponseOp;
    }
    const found = this.#found(range!.key, range!.range_end);
    if (range!.limit) found.sort(([, a], [, b]) => b.modified - a.modified).splice(toNumber(range!.limit));
    const kvs = found.map(([key, { value, created, modified }]) => {
      return { key: Buffer.from(key, 'latin1'), value, create_revision: created, mod_revision: modified };
    });
    return { response_range: { kvs: kvs as object as KeyValue[] } } as ResponseOp;
  }

  #found(key: Uint8Array | null | undefined, end: Uint8Array | null | undefined): [string, Kept][] {
    const from = textOf(key);
    if (!end?.length) {
      const kept = this.keys.get(from);
      return kept ? [[from, kept]] : [];
    }
    const to = textOf(end);
    return [...this.keys].filter(([one]) => one >= from && one < to).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #holds(compare: Compare): boolean {
    const found = this.#found(compare.key, compare.range_end).map(([, kept]) => kept);
    if (found.length === 0 && compare.range_end?.length) return true;
    return (found.length > 0 ? found : [undefined]).every((kept) => isMet(compare, kept));
  }
}

function isMet({ target, result, ...wanted }: Compare, kept: Kept | undefined): boolean {
  if (target === CompareTarget.VALUE) return kept !== undefined && Buffer.compare(kept.value, wanted.value!) === 0;
  const [is, to] =
    target === CompareTarget.CREATE
      ? [kept?.created ?? 0, toNumber(wanted.create_revision)]
      : [kept?.modified ?? 0, toNumber(wanted.mod_revision)];
  if (result === CompareResult.EQUAL) return is === to;
  return result === CompareResult.GREATER ? is > to : is < to;
}

export function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes!).toString('latin1');
}
