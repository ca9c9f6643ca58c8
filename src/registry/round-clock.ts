// The age of rounds (Q7). It counts only the time in which this server took messages and its store answered. The front
// end sends a mark each second behind everything that has arrived; a mark that is back from every worker proves that
// all of it has been served. A second counts if its mark is back within a second while the store answers.
// Pure: the caller passes times in milliseconds of one clock.
import { MARK_MS } from '../limits.ts';
import type { Barriers } from './barrier.ts';

/** Marks further apart than this show that the front end has been stopped. */
const GAP_MS_MAX = 2 * MARK_MS;

/** A mark that is back from every worker. */
export interface Mark {
  /** Marks are numbered one by one. */
  readonly number: number;
  readonly sentAt: number;
  readonly backAt: number;
}

export class RoundClock {
  readonly #barriers: Barriers;
  #last: Mark | undefined;

  constructor(barriers: Barriers) {
    this.#barriers = barriers;
  }

  /**
   * Ages the rounds that were open when the mark was sent, if the store answers. Returns true if a round is due.
   */
  marked(mark: Mark, storeAnswers: boolean): boolean {
    const last = this.#last;
    this.#last = mark;
    const lost = last !== undefined && (mark.number !== last.number + 1 || mark.sentAt - last.sentAt > GAP_MS_MAX);
    if (lost || mark.backAt - mark.sentAt > MARK_MS) {
      this.setBack();
      return false;
    }
    if (!storeAnswers) return false;
    let due = false;
    for (const { cluster, round, confirmMs } of this.#barriers.rounds()) {
      if (round.since > mark.sentAt) continue;
      if (round.reachedAt !== undefined && mark.sentAt >= round.reachedAt) {
        round.isDue = true;
        due = true;
        this.#barriers.touch(cluster);
      }
      round.grow(MARK_MS, confirmMs, mark.backAt);
    }
    return due;
  }

  /** The store does not answer, or a mark is late: confirmations may be late, too. */
  setBack(): void {
    for (const { round, confirmMs } of this.#barriers.rounds()) round.setBack(confirmMs);
  }
}
