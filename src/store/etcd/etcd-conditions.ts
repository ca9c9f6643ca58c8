// Short constructors for the conditions and operations of a transaction.
import { type Compare, CompareResult, CompareTarget, type RequestOp, SortOrder, SortTarget } from './etcd-calls.ts';
import { bytesOf, endOf } from './etcd-keys.ts';

/** The key does not exist. */
export function absent(key: string): Compare {
  return {
    key: bytesOf(key),
    target: CompareTarget.CREATE,
    result: CompareResult.EQUAL,
    create_revision: 0 as never,
  };
}

/** No key has this prefix. */
export function noneUnder(prefix: string): Compare {
  return { ...absent(prefix), range_end: bytesOf(endOf(prefix)) };
}

/** The key exists. */
export function present(key: string): Compare {
  return {
    key: bytesOf(key),
    target: CompareTarget.CREATE,
    result: CompareResult.GREATER,
    create_revision: 0 as never,
  };
}

/** The key has this value. */
export function holds(key: string, value: string): Compare {
  return { key: bytesOf(key), target: CompareTarget.VALUE, result: CompareResult.EQUAL, value: bytesOf(value) };
}

/** The key was last written at this revision. */
export function writtenAt(key: string, revision: number): Compare {
  return {
    key: bytesOf(key),
    target: CompareTarget.MOD,
    result: CompareResult.EQUAL,
    mod_revision: revision as never,
  };
}

/** The key has not been written after this revision; it may be absent. */
export function notWrittenAfter(key: string, revision: number): Compare {
  return {
    key: bytesOf(key),
    target: CompareTarget.MOD,
    result: CompareResult.LESS,
    mod_revision: (revision + 1) as never,
  };
}

/** No key with this prefix has been written after this revision. */
export function noneWrittenAfter(prefix: string, revision: number): Compare {
  return { ...notWrittenAfter(prefix, revision), range_end: bytesOf(endOf(prefix)) };
}

export function put(key: string, value: Uint8Array | string): RequestOp {
  return { request_put: { key: bytesOf(key), value: typeof value === 'string' ? bytesOf(value) : value } };
}

export function remove(key: string): RequestOp {
  return { request_delete_range: { key: bytesOf(key) } };
}

export function removeUnder(prefix: string): RequestOp {
  return { request_delete_range: { key: bytesOf(prefix), range_end: bytesOf(endOf(prefix)) } };
}

export function read(key: string): RequestOp {
  return { request_range: { key: bytesOf(key) } };
}

/** Reads the key with this prefix that was written last, without its value. */
export function readNewestUnder(prefix: string): RequestOp {
  const range = { key: bytesOf(prefix), range_end: bytesOf(endOf(prefix)), limit: 1 as never, keys_only: true };
  return { request_range: { ...range, sort_order: SortOrder.DESCEND, sort_target: SortTarget.MOD } };
}

export function readUnder(prefix: string): RequestOp {
  return { request_range: { key: bytesOf(prefix), range_end: bytesOf(endOf(prefix)) } };
}
