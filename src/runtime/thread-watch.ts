// Watches threads for their starter: failures within a time, and silence. The pool and the front ends both replace a
// thread that failed, until too many fail too fast.

/** Failures within FAILURES_WITHIN_MS from which no thread is replaced any more. */
const FAILURES_MAX = 5;
const FAILURES_WITHIN_MS = 60_000;

/** Milliseconds between two looks at the stats of threads. */
export const LOOK_MS = 250;

/** The failures of a group of threads. */
export class RecentFailures {
  /** Times of the failures within FAILURES_WITHIN_MS. BOUNDED by FAILURES_MAX, at which their starter gives up. */
  #times: number[] = [];

  /** Counts a failure. Returns false if the thread must not be replaced. */
  mayReplace(): boolean {
    const now = performance.now();
    this.#times = [...this.#times.filter((since) => now - since < FAILURES_WITHIN_MS), now];
    return this.#times.length < FAILURES_MAX;
  }
}

/** The silence of one thread, counted in looks: a stopped process counts none. */
export class SilentLooks {
  /** Time of the stats at the last look. */
  #statsAt = 0;
  /** Looks in a row that found the same stats. */
  #looks = 0;

  /** Milliseconds without new stats. */
  get ms(): number {
    return this.#looks * LOOK_MS;
  }

  /** Looks at the time of the thread's stats. Must be called every LOOK_MS. */
  look(statsAt: number): void {
    this.#looks = statsAt === this.#statsAt ? this.#looks + 1 : 0;
    this.#statsAt = statsAt;
  }

  /** Begins again, as for another thread in its place. */
  reset(): void {
    this.#looks = 0;
  }
}
