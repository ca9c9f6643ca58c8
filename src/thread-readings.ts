// What a thread tells of itself for metrics, and the memory in which other threads than the main one leave it for that.
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** A thread's use of the machine. */
export interface ThreadReadings {
  /** When it was read, on the clock of `monotonicSeconds`. */
  readonly at: number;
  /** CPU time since its start, in user mode and in the kernel; 0 where the system does not tell. */
  readonly cpuSeconds: number;
  /** Of its JavaScript heap. */
  readonly heapUsedBytes: number;
  /** What its JavaScript heap may grow to. */
  readonly heapLimitBytes: number;
}

/** Of the thread that calls. */
export function readThread(): ThreadReadings {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  const [heapUsedBytes, heapLimitBytes] = [used_heap_size, heap_size_limit];
  return { at: monotonicSeconds(), cpuSeconds: threadCpuSeconds(), heapUsedBytes, heapLimitBytes };
}

/** On a clock that all threads share and that never goes back. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

function threadCpuSeconds(): number {
  try {
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ', 1);
    return Number(nanoseconds) / 1e9;
  } catch {
    return 0;
  }
}

/** Readings in shared memory: one thread writes them, any may read. All are 0 before they are written first. */
export class SharedReadings {
  static readonly BYTES = 32;
  readonly #numbers: Float64Array;

  /** `at` is a multiple of 8. */
  constructor(memory: SharedArrayBuffer, at: number) {
    this.#numbers = new Float64Array(memory, at, SharedReadings.BYTES / Float64Array.BYTES_PER_ELEMENT);
  }

  write({ at, cpuSeconds, heapUsedBytes, heapLimitBytes }: ThreadReadings): void {
    this.#numbers.set([at, cpuSeconds, heapUsedBytes, heapLimitBytes]);
  }

  read(): ThreadReadings {
    const [at, cpuSeconds, heapUsedBytes, heapLimitBytes] = this.#numbers as unknown as [
      number,
      number,
      number,
      number,
    ];
    return { at, cpuSeconds, heapUsedBytes, heapLimitBytes };
  }
}
