// A registered client: who may use its ID, the token it last presented, and the clusters it has a seat in.
import type { Cluster, Maker } from './cluster.ts';
import type { ClientRecord } from './command.ts';

const NO_SEATS: readonly Cluster[] = [];

export class Client implements Maker {
  record: ClientRecord;
  /** Whether the store has it. An ephemeral client is stored only once it takes a seat. */
  stored: boolean;
  /** Milliseconds of the coordinator's clock. */
  lastUse: number;
  /** Of when the other servers on the store know a use, in whole seconds of that clock (a small integer takes less room). */
  toldUse: number;
  clustersMade = 0;
  /** Replaced, never changed: most clients share the empty one, or that of their only cluster with its other members. */
  seats: readonly Cluster[] = NO_SEATS;

  constructor(record: ClientRecord, stored: boolean, lastUse: number) {
    this.record = record;
    this.stored = stored;
    this.lastUse = lastUse;
    this.toldUse = Math.floor(lastUse / 1_000);
  }

  takeSeat(cluster: Cluster): void {
    this.seats = this.seats.length === 0 ? cluster.alone : [...this.seats, cluster];
  }

  giveUpSeat(cluster: Cluster): void {
    const others = this.seats.filter((seat) => seat !== cluster);
    this.seats = others.length === 0 ? NO_SEATS : others;
  }
}
