// CPU time of the thread that asks: what a loop costs whatever else the machine is doing.
import { readFileSync } from 'node:fs';

/**
 * Nanoseconds of CPU this thread has used, or, where the system does not tell, this process. The kernel counts at its
 * ticks, 1 to 4 ms apart: measure stretches of 20 ms and more.
 */
export function threadCpuNanoseconds(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'ascii').split(' ', 1)[0]);
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1_000;
  }
}
