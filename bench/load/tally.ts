// Counts the results of a load's units of work.
import { Latencies } from './latencies.ts';
import type { LoadReport } from './load-order.ts';

/** Failure messages counted separately; further ones count as `other`. */
const FAILURE_KINDS_MAX = 8;

/** Counters and latency histograms of a load. */
export class Tally {
  completed = 0;
  failed = 0;
  dropped = 0;
  /** Hellos turned away; each unit of work was retried. */
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

  report(seconds: number, generatorCpuSeconds: number): LoadReport {
    return {
      completed: this.completed,
      failed: this.failed,
      dropped: this.dropped,
      turnedAway: this.turnedAway,
      failures: Object.fromEntries(this.#failures),
      seconds,
      generatorCpuSeconds,
      latency: this.latency.encode(),
      lateness: this.lateness.encode(),
    };
  }
}
