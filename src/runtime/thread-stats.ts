// CPU time and JavaScript heap of a thread.
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** CPU time and JavaScript heap of a thread. */
export interface ThreadStats {
  /** Time of the reading, on the clock of `monotonicSeconds`. */
  readonly at: number;
  /** CPU time since the thread's start, in user mode and in the kernel; 0 without /proc. */
  readonly cpuSeconds: number;
  /** Used bytes of the JavaScript heap. */
  readonly heapUsedBytes: number;
  /** Maximum size of the JavaScript heap. */
  readonly heapLimitBytes: number;
}

/** Reads the stats of the calling thread. */
export function readThreadStats(): ThreadStats {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  const [heapUsedBytes, heapLimitBytes] = [used_heap_size, heap_size_limit];
  return { at: monotonicSeconds(), cpuSeconds: threadCpuSeconds(), heapUsedBytes, heapLimitBytes };
}

/** Seconds on a monotonic clock that all threads share. */
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
