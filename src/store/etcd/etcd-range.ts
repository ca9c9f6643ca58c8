// What is in etcd at a revision: the head of a registry, as of now and for certain, and all its records, a page at a time.
import type { Learned, StoredRecord } from '../../registry/command.ts';
import { ETCD, type KeyValue, type RangeResponse, toNumber } from './etcd-calls.ts';
import type { EtcdClient } from './etcd-client.ts';
import { type Head, headOf, NO_HEAD } from './etcd-feed.ts';
import { bytesOf, type EtcdKeys, endOf, keyOf } from './etcd-keys.ts';

/** The head, what etcd has come to, and which etcd it is. */
export interface HeadNow {
  readonly head: Head;
  readonly revision: number;
  readonly clusterId: string;
}

/** A page takes 17 MB at most, where every token is as long as it can be. */
const PAGE_KEYS = 1_000;
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

async function* pages(
  client: EtcdClient,
  prefix: string,
  revision: number,
  keysOnly: boolean,
): AsyncIterable<KeyValue[]> {
  const range_end = bytesOf(endOf(prefix));
  let key = bytesOf(prefix);
  for (let more = true; more; ) {
    const request = { key, range_end, revision: revision as never, limit: PAGE_KEYS as never, keys_only: keysOnly };
    const page = await client.call(ETCD.range, request, performance.now() + PAGE_MS.inAll, PAGE_MS.each);
    yield page.kvs;
    more = page.more;
    if (more) key = Buffer.concat([page.kvs.at(-1)!.key!, Buffer.of(0)]);
  }
}
