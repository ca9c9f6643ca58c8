// Claims a prefix of etcd for a registry, or for an unfinished copy of its table. Invariant: a starting server finds
// the whole table of its registry, or none.
import { randomBytes } from 'node:crypto';
import { StoreUnusableError } from '../store.ts';
import { ETCD, type TxnRequest, type TxnResponse } from './etcd-calls.ts';
import { type EtcdAccess, EtcdClient } from './etcd-client.ts';
import { absent, holds, put, read, remove, removeUnder } from './etcd-conditions.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { clusterIdOf } from './etcd-range.ts';

/** A server, which creates a missing table; a reader of an existing table; or the copy with this stamp. */
export type Claimant = 'server' | 'reader' | { readonly copying: string };

/** Format of the keys. 1 has no entries; a server raises it when it opens such a table. */
const SCHEMA_VERSION = 2;
/** Limits, in all and for each server, of removing an aborted copy of a large table. */
const [CLEAR_MS, CLEAR_ATTEMPT_MS] = [60_000, 30_000];
/** Limit of changing a key. */
const CHANGE_MS = 10_000;

/** The value of the key `meta`. */
interface Meta {
  readonly schema: number;
  readonly registryId: string;
  /** Stamp of a copy that is in work or was aborted. */
  readonly copying?: string;
  /** Stamp of the finished copy that the table came from. */
  readonly copied?: string;
}

/**
 * Claims an empty prefix for the registry, or checks its claim. Resolves to etcd's cluster ID. Rejects with
 * StoreUnusableError.
 */
export async function claim(
  client: EtcdClient,
  keys: EtcdKeys,
  { registryId, as }: { readonly registryId: string; readonly as: Claimant },
  deadline: number,
): Promise<string> {
  const reading: TxnRequest = { compare: [], success: [read(keys.meta)], failure: [] };
  const answer = await transact(client, as === 'server' ? claiming(keys, print({ registryId })) : reading, deadline);
  const current = currentMeta(answer);
  if (current !== undefined) {
    const meta = parse(current, keys, registryId);
    if (meta.copying !== (typeof as === 'object' ? as.copying : undefined)) {
      throw new StoreUnusableError(`${keys.prefix} in etcd is an unfinished copy; run xlreg store copy again`);
    }
    if (as === 'server' && meta.schema < SCHEMA_VERSION) await raiseSchema(client, keys, current, meta, deadline);
  } else if (as !== 'server') throw new StoreUnusableError(`${keys.prefix} in etcd has no table`);
  return clusterIdOf(answer.header);
}

/** Writes the present schema, which older servers refuse. Rejects with StoreUnusableError. */
async function raiseSchema(
  client: EtcdClient,
  keys: EtcdKeys,
  current: string,
  meta: Meta,
  deadline: number,
): Promise<void> {
  const raised = print(meta);
  const request = {
    compare: [holds(keys.meta, current)],
    success: [put(keys.meta, raised)],
    failure: [read(keys.meta)],
  };
  const answer = await transact(client, request, deadline);
  // Another server, or the first attempt of a repeated request, may have raised it.
  if (!answer.succeeded && currentMeta(answer) !== raised) {
    throw new StoreUnusableError(`${keys.meta} in etcd has changed during the start; start again`);
  }
}

/** The claim of a copy to a prefix without a table. */
export class CopyClaim {
  readonly stamp = randomBytes(12).toString('hex');
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #registryId: string;

  private constructor(client: EtcdClient, keys: EtcdKeys, registryId: string) {
    this.#client = client;
    this.#keys = keys;
    this.#registryId = registryId;
  }

  /** Claims the prefix and removes an aborted copy. Rejects with StoreUnusableError. */
  static async begin(access: EtcdAccess, registryId: string, prefix: string | undefined): Promise<CopyClaim> {
    const keys = EtcdKeys.of(registryId, prefix);
    const client = new EtcdClient(access, { requested() {} });
    const copy = new CopyClaim(client, keys, registryId);
    try {
      await copy.#begin();
      return copy;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Makes the copy the registry's table. Rejects with StoreUnusableError if another copy has begun meanwhile. */
  async keep(): Promise<void> {
    const whole = print({ registryId: this.#registryId, copied: this.stamp });
    const request = {
      compare: [holds(this.#keys.meta, this.#meta)],
      success: [put(this.#keys.meta, whole)],
      failure: [read(this.#keys.meta)],
    };
    const answer = await transact(this.#client, request, performance.now() + CHANGE_MS);
    // A repeated request finds the result of its first attempt.
    if (!answer.succeeded && currentMeta(answer) !== whole) throw this.#taken();
  }

  /** Removes the copy, unless it was kept or another copy has begun. */
  async close(): Promise<void> {
    const { meta } = this.#keys;
    const request = { compare: [holds(meta, this.#meta)], success: [...this.#cleared(), remove(meta)], failure: [] };
    // A failure is harmless: no server accepts an unfinished copy.
    await transact(this.#client, request, performance.now() + CLEAR_MS, CLEAR_ATTEMPT_MS).catch(() => {});
    this.#client.close();
  }

  async #begin(): Promise<void> {
    const keys = this.#keys;
    const answer = await transact(this.#client, claiming(keys, this.#meta), performance.now() + CHANGE_MS);
    const current = currentMeta(answer);
    if (current === undefined || current === this.#meta) return;
    if (parse(current, keys, this.#registryId).copying === undefined) {
      throw new StoreUnusableError(`${keys.prefix} in etcd has a table already`);
    }
    const request = {
      compare: [holds(keys.meta, current)],
      success: [...this.#cleared(), put(keys.meta, this.#meta)],
      failure: [read(keys.meta)],
    };
    const cleared = await transact(this.#client, request, performance.now() + CLEAR_MS, CLEAR_ATTEMPT_MS);
    if (!cleared.succeeded && currentMeta(cleared) !== this.#meta) throw this.#taken();
  }

  get #meta(): string {
    return print({ registryId: this.#registryId, copying: this.stamp });
  }

  #cleared() {
    return [...this.#keys.tablePrefixes.map(removeUnder), remove(this.#keys.head), remove(this.#keys.probe)];
  }

  #taken(): StoreUnusableError {
    return new StoreUnusableError(`another copy to ${this.#keys.prefix} in etcd has begun`);
  }
}

function claiming(keys: EtcdKeys, meta: string): TxnRequest {
  return { compare: [absent(keys.meta)], success: [put(keys.meta, meta)], failure: [read(keys.meta)] };
}

/** Each server of etcd has `attemptMs` to answer. Rejects with StoreUnusableError. */
async function transact(
  client: EtcdClient,
  request: TxnRequest,
  deadline: number,
  attemptMs?: number,
): Promise<TxnResponse> {
  try {
    return await client.call<TxnRequest, TxnResponse>(ETCD.txn, request, deadline, attemptMs);
  } catch (error) {
    throw new StoreUnusableError((error as Error).message, { cause: error });
  }
}

/** The value of `meta` in a response; undefined if the request created it. */
function currentMeta({ responses }: TxnResponse): string | undefined {
  const value = responses?.[0]?.response_range?.kvs?.[0]?.value;
  return value ? Buffer.from(value).toString() : undefined;
}

function print(meta: Omit<Meta, 'schema'>): string {
  return JSON.stringify({ ...meta, schema: SCHEMA_VERSION } satisfies Meta);
}

/** Throws StoreUnusableError if the table belongs to another registry or has a later schema. */
function parse(text: string, keys: EtcdKeys, registryId: string): Meta {
  const meta = JSON.parse(text) as Meta;
  if (meta.schema > SCHEMA_VERSION) {
    const schemas = `is of schema ${meta.schema}; this server knows ${SCHEMA_VERSION}`;
    throw new StoreUnusableError(`${keys.prefix} in etcd ${schemas}`);
  }
  if (meta.registryId !== registryId) {
    throw new StoreUnusableError(
      `${keys.prefix} in etcd belongs to the registry ${meta.registryId}, not to ${registryId}`,
    );
  }
  return meta;
}
