// What the system says of a process, ours or somebody else's.
import { readFile } from 'node:fs/promises';

/** Kernel clock ticks a second: what /proc counts CPU time in, on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** CPU seconds a process has used, in user mode and in the kernel, threads that have ended included. */
export async function processCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'ascii');
  // Behind the command's name, which is in parentheses and may hold anything: fields 14 and 15 of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Bytes of memory a process has resident. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'ascii'))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status does not say VmRSS`);
  return Number(kilobytes) * 1_024;
}
