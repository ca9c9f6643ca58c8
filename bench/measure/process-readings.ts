// Reads CPU time and memory of any process from /proc.
import { readFile } from 'node:fs/promises';

/** Kernel clock ticks a second, the unit of CPU time in /proc; 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of a process, user and system time, including threads that have ended. */
export async function processCpuSeconds(pid: number): Promise<number> {
  const { user, system } = await processTimes(pid);
  return user + system;
}

/** The same, apart. */
export async function processTimes(pid: number): Promise<{ readonly user: number; readonly system: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'ascii');
  // utime and stime are fields 14 and 15. Field 2, in parentheses, may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND };
}

/** Resident memory of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'ascii'))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1_024;
}
