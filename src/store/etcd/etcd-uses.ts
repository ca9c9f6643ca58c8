// Uses that servers tell each other of: keys with leases, which go by themselves when nobody has told of a use for long
// enough, whatever becomes of the server that told. Invariant: a key outlives the use it stands for by its whole time to
// live. A lease is shared by all that is used within a quarter of that time and never kept alive, so a server has six at most
// for each time to live there is, of which there are two.
import { randomInt } from 'node:crypto';
import type { Use } from '../../registry/command.ts';
import { type Call, ETCD, type TxnRequest, type TxnResponse } from './etcd-calls.ts';
import type { EtcdClient } from './etcd-client.ts';
import { EtcdError } from './etcd-error.ts';
import { bytesOf, type EtcdKeys } from './etcd-keys.ts';

interface Lease {
  readonly id: number;
  readonly grantedAt: number;
}

const TELL_MS = 1_000;
const PUTS_MAX = 100;
/** What lies between a use and its being told: a sweep, and what it takes. */
const LATE_SECONDS = 5;
/** An ID of a lease is ours to choose, and is a whole number that JavaScript can hold. */
const LEASE_ID_MAX = 2 ** 47;

export class EtcdUses {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  /** The one that what is used now goes with, by time to live. */
  readonly #leases = new Map<number, Lease>();

  constructor(client: EtcdClient, keys: EtcdKeys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Resolves when it is stored. Rejects as EtcdClient does. */
  async tell(uses: readonly Use[]): Promise<void> {
    for (const ttlMs of new Set(uses.map((use) => use.ttlMs))) {
      const keys = uses.filter((use) => use.ttlMs === ttlMs).map(({ id }) => this.#keys.use(id));
      for (let i = 0; i < keys.length; i += PUTS_MAX) await this.#put(keys.slice(i, i + PUTS_MAX), ttlMs);
    }
  }

  async #put(keys: readonly string[], ttlMs: number): Promise<void> {
    const lease = (await this.#lease(ttlMs)) as never;
    const success = keys.map((key) => ({ request_put: { key: bytesOf(key), value: bytesOf('1'), lease } }));
    const txn: Call<TxnRequest, TxnResponse> = ETCD.txn;
    try {
      await this.#client.call(txn, { compare: [], success, failure: [] }, performance.now() + TELL_MS);
    } catch (error) {
      // The lease may be gone: of a restored etcd, for one.
      if (error instanceof EtcdError) this.#leases.delete(ttlMs);
      throw error;
    }
  }

  async #lease(ttlMs: number): Promise<number> {
    const now = performance.now();
    const current = this.#leases.get(ttlMs);
    if (current && now - current.grantedAt < ttlMs / 4) return current.id;
    const id = randomInt(1, LEASE_ID_MAX);
    const seconds = Math.ceil((1.5 * ttlMs) / 1_000) + LATE_SECONDS;
    await this.#client.call(ETCD.leaseGrant, { ID: id as never, TTL: seconds as never }, now + TELL_MS);
    this.#leases.set(ttlMs, { id, grantedAt: now });
    return id;
  }
}
