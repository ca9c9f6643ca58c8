// Announces uses to other servers: a key with a lease for each use, which expires by itself, also if the announcing
// server dies. Invariant: a key lives longer than its use counts, which is one time to live. All uses within a quarter
// of that time share a lease, which is never renewed. A server therefore has six leases at most for each of the two
// times to live.
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
/** Longest delay from a use to its announcement, which is the task of a sweep. */
const DELAY_SECONDS = 5;
/** The client chooses lease IDs; JavaScript numbers hold these exactly. */
const LEASE_ID_MAX = 2 ** 47;

export class EtcdUses {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  /** The lease of present uses, by time to live in ms. */
  readonly #leases = new Map<number, Lease>();

  constructor(client: EtcdClient, keys: EtcdKeys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Resolves when the uses are stored. Rejects as EtcdClient does; some of the uses may be stored then. */
  async announce(uses: readonly Use[], deadline: number): Promise<void> {
    for (const ttlMs of new Set(uses.map((use) => use.ttlMs))) {
      const lease = await this.#lease(ttlMs, deadline);
      const keys = uses.filter((use) => use.ttlMs === ttlMs).map(({ id }) => this.#keys.use(id));
      const parts = Array.from({ length: Math.ceil(keys.length / PUTS_MAX) }, (_, i) =>
        keys.slice(i * PUTS_MAX, (i + 1) * PUTS_MAX),
      );
      try {
        await Promise.all(parts.map((part) => this.#put(part, lease, deadline)));
      } catch (error) {
        // The lease may be gone, as in a restored etcd.
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
    const seconds = Math.ceil((1.5 * ttlMs) / 1_000) + DELAY_SECONDS;
    await this.#client.call(ETCD.leaseGrant, { ID: id as never, TTL: seconds as never }, deadline);
    this.#leases.set(ttlMs, { id, grantedAt: now });
    return id;
  }
}
