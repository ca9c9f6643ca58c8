// A thread's stats in shared memory. One thread writes them; any thread reads them, also while the writer is parked.
import type { ThreadStats } from '../runtime/thread-stats.ts';

/** All numbers are 0 before the first write. A reader may see numbers of two writes mixed. */
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
