// What a Hello costs a worker, as a moving average of what Hellos cost lately: it bounds how many may wait.
import { HELLO_MILLISECONDS } from '../limits.ts';
import type { JobResult, JobTimes } from './job.ts';

/** How fast the estimate of a Hello's time follows a shorter one, and a longer one, which may have waited for a core. */
const [HELLO_FASTER, HELLO_SLOWER] = [1 / 4, 1 / 256];
/** How fast the number of RSA operations for a Hello follows, one while there is one comms key. */
const OPERATIONS_FOLLOW = 1 / 64;

export class HelloCost {
  /** Milliseconds of an RSA operation, and how many a Hello takes: two where it fails under the current key. */
  #rsaMs = HELLO_MILLISECONDS;
  #rsaOperations = 1;

  /** Milliseconds of a worker's time that so many Hellos take. */
  of(hellos: number): number {
    return hellos * this.#rsaMs * Math.max(1, this.#rsaOperations);
  }

  /** Learns from a Hello that is done. Rejected Hellos may skip RSA; their time is excluded. */
  observe(result: Exclude<JobResult, { kind: 'incomplete' }>, times: JobTimes): void {
    this.#rsaOperations += (result.rsaOperations - this.#rsaOperations) * OPERATIONS_FOLLOW;
    if (result.kind !== 'reply') return;
    const ms = times.open / result.rsaOperations;
    this.#rsaMs += (ms - this.#rsaMs) * (ms < this.#rsaMs ? HELLO_FASTER : HELLO_SLOWER);
  }
}
