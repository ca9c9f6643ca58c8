// A thread's stats in shared memory: one thread writes them, any thread reads them without waking the other.
import type { ThreadStats } from '../runtime/thread-stats.ts';

/** Readings in shared memory: one thread writes them, any may read. All are 0 before they are written first. */
export class SharedThreadStats {
  static readonly BYTES = 32;
  readonly #numbers: Float64Array;

  /** `at` is a multiple of 8. */
  constructor(memory: SharedArrayBuffer, at: number) {
    this.#numbers = new Float64Array(memory, at, SharedThreadStats.BYTES / Float64Array.BYTES_PER_ELEMENT);
  }

  write({ at, cpuSeconds, heapUsedBytes, heapLimitBytes }: ThreadStats): void {
    this.#numbers.set([at, cpuSeconds, heapUsedBytes, heapLimitBytes]);
  }

  read(): ThreadStats {
    const [at, cpuSeconds, heapUsedBytes, heapLimitBytes] = this.#numbers as unknown as [
      number,
      number,
      number,
      number,
    ];
    return { at, cpuSeconds, heapUsedBytes, heapLimitBytes };
  }
}
