// Reads from etcd: the present head of a registry by a linearizable read, and all records at one revision, page by
// page.
import type { Learned, StoredRecord } from '../../registry/command.ts';
import { ETCD, type KeyValue, type RangeResponse, toNumber } from './etcd-calls.ts';
import type { EtcdClient } from './etcd-client.ts';
import { bytesOf, type EtcdKeys, endOf, keyOf } from './etcd-keys.ts';
import { type Head, headOf, NO_HEAD } from './watch-stream.ts';

/** The head, the revision of etcd, and etcd's cluster ID. */
export interface HeadNow {
  readonly head: Head;
  readonly revision: number;
  readonly clusterId: string;
}

/** A page has 17 MB at most, if every token has the maximum length. */
const PAGE_KEYS = 1_000;
/**
 * For each page, etcd examines all remaining keys of the range, so the time grows with the square of its length. A
 * longer range than this is split by the next character of its keys, which is printable in most of them.
 */
const RANGE_KEYS = 10_000;
const PRINTABLE = { first: 0x20, last: 0x7e } as const;
/** Limits of reading a page, for each server and in all. */
const PAGE_MS = { each: 4_000, inAll: 10_000 } as const;

/** The present head. The read is linearizable: etcd asks a majority, so the head covers every acknowledged change. */
export async function headNow(client: EtcdClient, keys: EtcdKeys, deadline: number): Promise<HeadNow> {
  const { header, kvs } = await client.call(ETCD.range, { key: bytesOf(keys.head) }, deadline);
  const head = kvs[0] ? headOf(kvs[0]) : NO_HEAD;
  return { head, revision: toNumber(header?.revision), clusterId: clusterIdOf(header) };
}

export function clusterIdOf(header: RangeResponse['header']): string {
  return String(header?.cluster_id);
}

/** Every record at a revision, in the order of Store.load. */
export async function* recordsAt(client: EtcdClient, keys: EtcdKeys, revision: number): AsyncIterable<StoredRecord[]> {
  for (const prefix of keys.recordPrefixes) {
    for await (const page of pages(client, prefix, revision, false)) {
      yield page.map((kv) => keys.record(keyOf(kv), kv.value!));
    }
  }
}

/** Every use, round state and confirmation at a revision. */
export async function passingStateAt(client: EtcdClient, keys: EtcdKeys, revision: number): Promise<Learned[]> {
  const learned: Learned[] = [];
  for await (const page of pages(client, keys.uses, revision, true)) {
    for (const kv of page) learned.push(keys.learned(keyOf(kv), Buffer.of(1))!);
  }
  for (const prefix of keys.rounds) {
    for await (const page of pages(client, prefix, revision, false)) {
      for (const kv of page) learned.push(keys.learned(keyOf(kv), kv.value!)!);
    }
  }
  return learned;
}

/** All keys with a prefix, in order. */
async function* pages(
  client: EtcdClient,
  prefix: string,
  revision: number,
  keysOnly: boolean,
): AsyncIterable<KeyValue[]> {
  const ask = (from: Buffer, end: Buffer) => {
    const range = { key: from, range_end: end, revision: revision as never, limit: PAGE_KEYS as never };
    const deadline = performance.now() + PAGE_MS.inAll;
    return client.call(ETCD.range, { ...range, keys_only: keysOnly }, deadline, PAGE_MS.each);
  };
  /** The rest of a range whose first page is known. */
  async function* pageByPage(first: RangeResponse, end: Buffer): AsyncIterable<KeyValue[]> {
    for (let page = first; ; page = await ask(justBehind(page.kvs.at(-1)!.key!), end)) {
      if (page.kvs.length > 0) yield page.kvs;
      if (!page.more) return;
    }
  }
  async function* under(prefix: string): AsyncIterable<KeyValue[]> {
    const [from, end] = [bytesOf(prefix), bytesOf(endOf(prefix))];
    const first = await ask(from, end);
    if (toNumber(first.count) <= RANGE_KEYS) return yield* pageByPage(first, end);
    const [low, high] = [PRINTABLE.first, PRINTABLE.last + 1].map((next) => Buffer.concat([from, Buffer.of(next)]));
    yield* pageByPage(await ask(from, low!), low!);
    for (let next = PRINTABLE.first; next <= PRINTABLE.last; next++) yield* under(prefix + String.fromCharCode(next));
    yield* pageByPage(await ask(high!, end), end);
  }
  yield* under(prefix);
}

/** The smallest key after `key`. */
function justBehind(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}
