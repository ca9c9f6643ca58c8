// Front end, sequential: estimates the time that a Hello takes a worker, as a moving average. The estimate bounds the
// number of queued Hellos.
import { HELLO_MILLISECONDS } from '../limits.ts';
import type { JobResult, JobTimes } from './job.ts';

/** Weight of a sample below the average, and of one above it, which may include waiting for a core. */
const [FASTER_WEIGHT, SLOWER_WEIGHT] = [1 / 4, 1 / 256];
/** Weight of a sample of the number of RSA operations. */
const OPERATIONS_WEIGHT = 1 / 64;

export class HelloCost {
  /** Milliseconds of one RSA operation. */
  #rsaMs = HELLO_MILLISECONDS;
  /** RSA operations of one Hello: two if it fails under the current key and there is a previous one. */
  #rsaOperations = 1;

  /** Milliseconds of worker time that `hellos` Hellos take. */
  of(hellos: number): number {
    return hellos * this.#rsaMs * Math.max(1, this.#rsaOperations);
  }

  /** Adds a finished Hello to the estimate. Rejected Hellos may skip RSA, so their time is excluded. */
  observe(result: Exclude<JobResult, { kind: 'incomplete' | 'waiting' }>, times: JobTimes): void {
    this.#rsaOperations += (result.rsaOperations - this.#rsaOperations) * OPERATIONS_WEIGHT;
    if (result.kind !== 'reply') return;
    const ms = times.open / result.rsaOperations;
    this.#rsaMs += (ms - this.#rsaMs) * (ms < this.#rsaMs ? FASTER_WEIGHT : SLOWER_WEIGHT);
  }
}
