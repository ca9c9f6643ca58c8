// How long the table keeps what nobody uses.
import { PRESSED_FROM, PRESSED_TTL_MS_MIN } from '../limits.ts';
import type { Client } from './client.ts';
import { type Cluster, isEphemeral } from './cluster.ts';
import type { TableContents } from './table-contents.ts';

/** How much the table holds at most, and for how long. */
export interface TableLimits {
  readonly clients: number;
  readonly clusters: number;
  /** An ephemeral cluster that no member asks for, and an ephemeral client without a seat, is forgotten after this. */
  readonly ephemeralTtlMs: number;
  /** Any other client without a seat is forgotten when it has not been heard of for so long. */
  readonly idleRegistrationTtlMs: number;
  /** A cluster without a member is forgotten after this, unless it is kept. */
  readonly emptyClusterTtlMs: number;
  /** Clusters that one client made and that are still there, as far as is known since the start. */
  readonly clustersPerClient: number;
  /** Seats of one client. */
  readonly seatsPerClient: number;
}

/** Times to live in milliseconds, counted from the last use. They shrink where the table is nearly full. */
export class TimeToLive {
  readonly #limits: TableLimits;
  readonly #contents: TableContents;

  constructor(limits: TableLimits, contents: TableContents) {
    this.#limits = limits;
    this.#contents = contents;
  }

  /** Milliseconds after its last use in which a cluster is forgotten. */
  ofCluster({ record, memberCount }: Cluster): number {
    const { ephemeralTtlMs, emptyClusterTtlMs, clusters } = this.#limits;
    const ephemeral = isEphemeral(record) ? ephemeralTtlMs : Infinity;
    if (memberCount > 0 || record.keep) return ephemeral;
    return Math.min(ephemeral, this.#pressed(emptyClusterTtlMs, this.#contents.clustersById.size / clusters));
  }

  /**
   * A time to live while so much of a limit is reached. Servers that share a table tell uses by the whole time only, so there
   * it does not shrink.
   */
  #pressed(ttlMs: number, reached: number): number {
    if (reached <= PRESSED_FROM || this.#contents.uses) return ttlMs;
    const room = Math.max(0, 1 - reached) / (1 - PRESSED_FROM);
    return Math.min(ttlMs, Math.max(PRESSED_TTL_MS_MIN, ttlMs * room));
  }

  /** The same for a client without a seat. */
  ofIdleClient(client: Client): number {
    return this.#pressed(this.ofClient(client), this.#contents.clients.size / this.#limits.clients);
  }

  ofClient({ record }: Client): number {
    return record.ephemeral ? this.#limits.ephemeralTtlMs : this.#limits.idleRegistrationTtlMs;
  }
}
