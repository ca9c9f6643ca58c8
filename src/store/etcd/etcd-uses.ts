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

  /** Resolves when it is stored. Rejects as EtcdClient does, with nobody knowing which of them are. */
  async tell(uses: readonly Use[], deadline: number): Promise<void> {
    for (const ttlMs of new Set(uses.map((use) => use.ttlMs))) {
      const lease = await this.#lease(ttlMs, deadline);
      const keys = uses.filter((use) => use.ttlMs === ttlMs).map(({ id }) => this.#keys.use(id));
      const parts = Array.from({ length: Math.ceil(keys.length / PUTS_MAX) }, (_, i) =>
        keys.slice(i * PUTS_MAX, (i + 1) * PUTS_MAX),
      );
      try {
        await Promise.all(parts.map((part) => this.#put(part, lease, deadline)));
      } catch (error) {
        // The lease may be gone: of a restored etcd, for one.
        if (error instanceof EtcdError) this.#leases.delete(ttlMs);
        throw error;
      }
    }
  }

  async #put(keys: readonly string[], leaseId: number, deadline: number): Promise<void> {
    const lease = leaseId as never;
    const success = keys.map((key) => ({ request_put: { key: bytesOf(key), value: bytesOf('1'), lease } }));
    const txn: Call<TxnRequest, TxnResponse> = ETCD.txn;
    await this.#client.call(txn, { compare: [], success, failure: [] }, deadline);
  }

  async #lease(ttlMs: number, deadline: number): Promise<number> {
    const now = performance.now();
    const current = this.#leases.get(ttlMs);
    if (current && now - current.grantedAt < ttlMs / 4) return current.id;
    const id = randomInt(1, LEASE_ID_MAX);
    const seconds = Math.ceil((1.5 * ttlMs) / 1_000) + LATE_SECONDS;
    await this.#client.call(ETCD.leaseGrant, { ID: id as never, TTL: seconds as never }, deadline);
    this.#leases.set(ttlMs, { id, grantedAt: now });
    return id;
  }
}
