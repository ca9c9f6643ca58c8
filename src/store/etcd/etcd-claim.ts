// Whose a prefix of etcd is: a registry's, or, until it is whole, that of a copy of its table. Invariant: a server that begins
// finds the whole table of its registry, or none at all.
import { randomBytes } from 'node:crypto';
import { StoreUnusableError } from '../store.ts';
import { ETCD, type TxnRequest, type TxnResponse } from './etcd-calls.ts';
import { type EtcdAccess, EtcdClient } from './etcd-client.ts';
import { absent, holds, put, read, remove, removeUnder } from './etcd-conditions.ts';
import { EtcdKeys } from './etcd-keys.ts';
import { clusterIdOf } from './etcd-range.ts';

/** A server, which begins a table where there is none; who reads one that there is; or the copy with this stamp. */
export type Claimant = 'server' | 'reader' | { readonly copying: string };

const SCHEMA_VERSION = 1;
/** To take away what a copy left of a large table, etcd needs its time. */
const [CLEAR_MS, CLEAR_ATTEMPT_MS] = [60_000, 30_000];
/** To change a key. */
const CHANGE_MS = 10_000;

/** What stands under `meta`. */
interface Meta {
  readonly schema: number;
  readonly registryId: string;
  /** Stamp of the copy that is under way, or was broken off. */
  readonly copying?: string;
  /** Stamp of the copy that it is. */
  readonly copied?: string;
}

/** Makes an empty prefix this registry's, or checks that it is. Returns the ID of the etcd. Rejects with StoreUnusableError. */
export async function claim(
  client: EtcdClient,
  keys: EtcdKeys,
  { registryId, as }: { readonly registryId: string; readonly as: Claimant },
  deadline: number,
): Promise<string> {
  const asking: TxnRequest = { compare: [], success: [read(keys.meta)], failure: [] };
  const answer = await transact(client, as === 'server' ? claiming(keys, print({ registryId })) : asking, deadline);
  const current = standingOf(answer);
  if (current !== undefined) {
    const { copying } = parse(current, keys, registryId);
    if (copying !== (typeof as === 'object' ? as.copying : undefined)) {
      throw new StoreUnusableError(
        `${keys.prefix} in etcd is a copy that is not whole: xlreg store copy begins it anew`,
      );
    }
  } else if (as !== 'server') throw new StoreUnusableError(`${keys.prefix} in etcd has no table`);
  return clusterIdOf(answer.header);
}

/** A copy's claim to a prefix that has no table yet. */
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

  /** Claims it, and takes away what a copy left there that was broken off. Rejects with StoreUnusableError. */
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

  /** Makes it the registry's table. Rejects with StoreUnusableError where another copy has begun meanwhile. */
  async keep(): Promise<void> {
    const whole = print({ registryId: this.#registryId, copied: this.stamp });
    const request = {
      compare: [holds(this.#keys.meta, this.#meta)],
      success: [put(this.#keys.meta, whole)],
      failure: [read(this.#keys.meta)],
    };
    const answer = await transact(this.#client, request, performance.now() + CHANGE_MS);
    // Made again when nobody knew how it ended, it finds what it did.
    if (!answer.succeeded && standingOf(answer) !== whole) throw this.#taken();
  }

  /** Takes everything away, unless it was kept or another copy has begun. */
  async close(): Promise<void> {
    const { meta } = this.#keys;
    const request = { compare: [holds(meta, this.#meta)], success: [...this.#cleared(), remove(meta)], failure: [] };
    // What is left of a copy is no table to anybody.
    await transact(this.#client, request, performance.now() + CLEAR_MS, CLEAR_ATTEMPT_MS).catch(() => {});
    this.#client.close();
  }

  async #begin(): Promise<void> {
    const keys = this.#keys;
    const answer = await transact(this.#client, claiming(keys, this.#meta), performance.now() + CHANGE_MS);
    const current = standingOf(answer);
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
    if (!cleared.succeeded && standingOf(cleared) !== this.#meta) throw this.#taken();
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

/** `attemptMs` is what one server of etcd has to answer. */
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

/** What an answer has read; undefined if it read nothing. */
function standingOf({ responses }: TxnResponse): string | undefined {
  const value = responses?.[0]?.response_range?.kvs?.[0]?.value;
  return value ? Buffer.from(value).toString() : undefined;
}

function print(meta: Omit<Meta, 'schema'>): string {
  return JSON.stringify({ schema: SCHEMA_VERSION, ...meta } satisfies Meta);
}

/** Throws StoreUnusableError for what is another's, or of a later server. */
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
