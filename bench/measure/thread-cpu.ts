// CPU time of the calling thread: the cost of a loop, independent of other load on the machine.
import { readFileSync } from 'node:fs';

/**
 * CPU time of this thread in nanoseconds; of the whole process where /proc has no schedstat. The kernel updates it at
 * its ticks, 1 to 4 ms apart, so measure stretches of 20 ms or more.
 */
export function threadCpuNanoseconds(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ', 1)[0]);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  }
}
