// Times to live of unused entries.
import { PRESSED_FROM, PRESSED_TTL_MS_MIN } from '../limits.ts';
import type { Client } from './client.ts';
import { type Cluster, isEphemeral } from './cluster.ts';
import type { TableContents } from './table-contents.ts';

/** Size limits of the table, and times to live of its entries. */
export interface TableLimits {
  readonly clients: number;
  readonly clusters: number;
  /** Time to live of an ephemeral cluster after a member's last request, and of an ephemeral client without a seat. */
  readonly ephemeralTtlMs: number;
  /** Time to live of any other client without a seat, after its last use. */
  readonly idleRegistrationTtlMs: number;
  /** Time to live of a cluster without members, unless an operator keeps it. */
  readonly emptyClusterTtlMs: number;
  /** Maximum of existing clusters that one client created since the start of this server. */
  readonly clustersPerClient: number;
  /** Maximum of seats that one client holds. */
  readonly seatsPerClient: number;
}

/** Times to live in milliseconds from the last use. They shrink while the table is nearly full. */
export class TimeToLive {
  #limits: TableLimits;
  readonly #contents: TableContents;

  constructor(limits: TableLimits, contents: TableContents) {
    this.#limits = limits;
    this.#contents = contents;
  }

  setLimits(limits: TableLimits): void {
    this.#limits = limits;
  }

  /** Time to live of a cluster; Infinity if it never expires. */
  ofCluster({ record, memberCount }: Cluster): number {
    const { ephemeralTtlMs, emptyClusterTtlMs, clusters } = this.#limits;
    const ephemeral = isEphemeral(record) ? ephemeralTtlMs : Infinity;
    if (memberCount > 0 || record.keep) return ephemeral;
    return Math.min(ephemeral, this.#pressed(emptyClusterTtlMs, this.#contents.clustersById.size / clusters));
  }

  /**
   * Shortens a time to live while `reached`, the used share of a limit, is above PRESSED_FROM. Never on a shared store:
   * its servers announce uses by the full time to live.
   */
  #pressed(ttlMs: number, reached: number): number {
    if (reached <= PRESSED_FROM || this.#contents.uses) return ttlMs;
    const room = Math.max(0, 1 - reached) / (1 - PRESSED_FROM);
    return Math.min(ttlMs, Math.max(PRESSED_TTL_MS_MIN, ttlMs * room));
  }

  /** Time to live of a client without a seat, shortened while the table is nearly full. */
  ofIdleClient(client: Client): number {
    return this.#pressed(this.ofClient(client), this.#contents.clients.size / this.#limits.clients);
  }

  ofClient({ record }: Client): number {
    return record.ephemeral ? this.#limits.ephemeralTtlMs : this.#limits.idleRegistrationTtlMs;
  }
}
