// A round of a forming cluster (Q3): who has confirmed it, and its age.

/**
 * Confirm times that are counted before a round's age is set back for the last time. A living member asks at least three
 * times in each, so by then it has confirmed; a ghost stays for one more at most.
 */
export const SET_BACK_WITHIN = 4;

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
  /** All time that the age ever counted, set back or not, in milliseconds. It never falls. */
  countedMs = 0;
  /** When the age reached the confirm time. */
  reachedAt: number | undefined;
  /** A mark that was sent after that is back: everything that had arrived by then has been served. */
  isDue = false;

  constructor(id: string, since: number) {
    this.id = id;
    this.since = since;
  }

  /** Counts `ms`, in which messages were taken and the store answered; `now` is the end of it. */
  grow(ms: number, confirmMs: number, now: number): void {
    this.countedMs += ms;
    this.ageMs = Math.min(this.ageMs + ms, confirmMs);
    if (this.ageMs >= confirmMs) this.reachedAt ??= now;
  }

  /**
   * Lowers the age to half the confirm time, since messages may be late, and takes back that the round is due. Repeated
   * stalls would keep ghosts for ever. So it never sets the age to 0, and leaves it once SET_BACK_WITHIN confirm times
   * are counted. BOUNDED: a round ends after one confirm time more.
   */
  setBack(confirmMs: number): void {
    this.isDue = false;
    if (this.countedMs >= SET_BACK_WITHIN * confirmMs) return;
    this.ageMs = Math.min(this.ageMs, confirmMs / 2);
    this.reachedAt = undefined;
  }
}
