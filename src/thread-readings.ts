// What a thread tells of itself for metrics, and the memory in which other threads than the main one leave it for that.
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** A thread's use of the machine. */
export interface ThreadReadings {
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
  return { cpuSeconds: threadCpuSeconds(), heapUsedBytes: used_heap_size, heapLimitBytes: heap_size_limit };
}

function threadCpuSeconds(): number {
  try {
    const [nanoseconds] = readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ', 1);
    return Number(nanoseconds) / 1e9;
  } catch {
    return 0;
  }
}

/** Readings in shared memory: one thread writes them, any may read. */
export class SharedReadings {
  static readonly BYTES = 24;
  /** CPU nanoseconds, bytes of heap used, bytes it may grow to. */
  readonly #words: BigUint64Array;

  /** `at` is a multiple of 8. */
  constructor(memory: SharedArrayBuffer, at: number) {
    this.#words = new BigUint64Array(memory, at, 3);
  }

  write({ cpuSeconds, heapUsedBytes, heapLimitBytes }: ThreadReadings): void {
    Atomics.store(this.#words, 0, BigInt(Math.round(cpuSeconds * 1e9)));
    Atomics.store(this.#words, 1, BigInt(heapUsedBytes));
    Atomics.store(this.#words, 2, BigInt(heapLimitBytes));
  }

  read(): ThreadReadings {
    const [cpu, used, limit] = [0, 1, 2].map((word) => Number(Atomics.load(this.#words, word)));
    return { cpuSeconds: cpu! / 1e9, heapUsedBytes: used!, heapLimitBytes: limit! };
  }
}
