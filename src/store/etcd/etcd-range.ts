// What is in etcd at a revision: the head of a registry, as of now and for certain, and all its records, a page at a time.
import type { Learned, StoredRecord } from '../../registry/command.ts';
import { ETCD, type KeyValue, type RangeResponse, toNumber } from './etcd-calls.ts';
import type { EtcdClient } from './etcd-client.ts';
import { bytesOf, type EtcdKeys, endOf, keyOf } from './etcd-keys.ts';
import { type Head, headOf, NO_HEAD } from './watch-stream.ts';

/** The head, what etcd has come to, and which etcd it is. */
export interface HeadNow {
  readonly head: Head;
  readonly revision: number;
  readonly clusterId: string;
}

/** A page takes 17 MB at most, where every token is as long as it can be. */
const PAGE_KEYS = 1_000;
/**
 * For each page etcd looks at all keys of what is left of the range, so that a long one takes the square of its length; what
 * is longer than this is read by the next character of its keys, one after the other. Most of those are printable.
 */
const RANGE_KEYS = 10_000;
const PRINTABLE = { first: 0x20, last: 0x7e } as const;
const PAGE_MS = { each: 4_000, inAll: 10_000 } as const;

/** The last change that anybody can have been told of: etcd asks a majority before it answers. */
export async function headNow(client: EtcdClient, keys: EtcdKeys, deadline: number): Promise<HeadNow> {
  const { header, kvs } = await client.call(ETCD.range, { key: bytesOf(keys.head) }, deadline);
  const head = kvs[0] ? headOf(kvs[0]) : NO_HEAD;
  return { head, revision: toNumber(header?.revision), clusterId: clusterIdOf(header) };
}

export function clusterIdOf(header: RangeResponse['header']): string {
  return String(header?.cluster_id);
}

/** Every record, in the order of Store.load. */
export async function* recordsAt(client: EtcdClient, keys: EtcdKeys, revision: number): AsyncIterable<StoredRecord[]> {
  for (const prefix of keys.recordPrefixes) {
    for await (const page of pages(client, prefix, revision, false)) {
      yield page.map((kv) => keys.record(keyOf(kv), kv.value!));
    }
  }
}

/** What is in use. */
export async function usesAt(client: EtcdClient, keys: EtcdKeys, revision: number): Promise<Learned[]> {
  const uses: Learned[] = [];
  for await (const page of pages(client, keys.uses, revision, true)) {
    for (const kv of page) uses.push(keys.learned(keyOf(kv), Buffer.of(1))!);
  }
  return uses;
}

/** Everything under a prefix, in order. */
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

/** The first key that can come behind another. */
function justBehind(key: Uint8Array): Buffer {
  return Buffer.concat([key, Buffer.of(0)]);
}
