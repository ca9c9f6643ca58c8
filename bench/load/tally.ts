// What became of the units of work of a load.
import { Latencies } from './latencies.ts';
import type { LoadReport } from './load-order.ts';

/** Kinds of failures told apart; the rest is counted as `other`. */
const FAILURE_KINDS_MAX = 8;

/** Counts them, and times them from when they were meant to begin. */
export class Tally {
  completed = 0;
  failed = 0;
  dropped = 0;
  /** Times that a Hello was turned away, and its unit of work begun again. */
  turnedAway = 0;
  readonly latency = new Latencies();
  readonly lateness = new Latencies();
  readonly #failures = new Map<string, number>();

  get settled(): number {
    return this.completed + this.failed + this.dropped;
  }

  fail(error: unknown): void {
    this.failed += 1;
    const message = error instanceof Error ? error.message : String(error);
    const known = this.#failures.has(message) || this.#failures.size < FAILURE_KINDS_MAX;
    const kind = known ? message : 'other';
    this.#failures.set(kind, (this.#failures.get(kind) ?? 0) + 1);
  }

  report(seconds: number): LoadReport {
    return {
      completed: this.completed,
      failed: this.failed,
      dropped: this.dropped,
      turnedAway: this.turnedAway,
      failures: Object.fromEntries(this.#failures),
      seconds,
      latency: this.latency.encode(),
      lateness: this.lateness.encode(),
    };
  }
}
