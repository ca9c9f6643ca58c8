// A round of a forming cluster (Q3): who has confirmed it, and its age.
/** An open round, as one server knows it. */
export class Round {
  /** 16 hex digits, compared for equality only. */
  readonly id: string;
  /** IDs of the clients that have confirmed, which the store has if it is shared. BOUNDED by the seats. */
  readonly confirmed = new Set<string>();
  /** Only on a shared store: confirmations that have arrived and are to be stored. BOUNDED by the seats. */
  readonly parked = new Set<string>();
  /** When this server learned of it, in milliseconds of the coordinator's clock. */
  readonly since: number;
  /** The time in which this server took messages and the store answered, in milliseconds. */
  ageMs = 0;
  /** When the age reached the confirm time. */
  reachedAt: number | undefined;
  /** A mark that was sent after that is back: everything that had arrived by then has been served. */
  isDue = false;

  constructor(id: string, since: number) {
    this.id = id;
    this.since = since;
  }

  /** Lowers the age to half the confirm time: messages may be late. Never to 0, or repeated stalls would keep ghosts. */
  setBack(confirmMs: number): void {
    this.ageMs = Math.min(this.ageMs, confirmMs / 2);
    this.reachedAt = undefined;
    this.isDue = false;
  }
}
