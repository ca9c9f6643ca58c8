// A thread's use of the machine: CPU time and JavaScript heap.
import { readFileSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';

/** A thread's use of the machine. */
export interface ThreadStats {
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
export function readThreadStats(): ThreadStats {
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
