// A registered client: its ID's owner, its latest token, and the clusters that it holds seats in.
import type { Cluster, Maker } from './cluster.ts';
import type { ClientRecord } from './command.ts';

const NO_SEATS: readonly Cluster[] = [];

export class Client implements Maker {
  record: ClientRecord;
  /** True once the store holds the client. An ephemeral client is stored only when it takes a seat. */
  stored: boolean;
  /** Last use, in milliseconds of the coordinator's clock. */
  lastUse: number;
  /**
   * Last use that the other servers know of, in whole seconds of the same clock. V8 stores small integers without a
   * heap object.
   */
  announcedUse: number;
  clustersMade = 0;
  /** Replaced, never mutated. Clients without a seat share one array; so do members whose only cluster is the same. */
  seats: readonly Cluster[] = NO_SEATS;

  constructor(record: ClientRecord, stored: boolean, lastUse: number) {
    this.record = record;
    this.stored = stored;
    this.lastUse = lastUse;
    this.announcedUse = Math.floor(lastUse / 1_000);
  }

  takeSeat(cluster: Cluster): void {
    this.seats = this.seats.length === 0 ? cluster.alone : [...this.seats, cluster];
  }

  giveUpSeat(cluster: Cluster): void {
    const others = this.seats.filter((seat) => seat !== cluster);
    this.seats = others.length === 0 ? NO_SEATS : others;
  }
}
