// Reads CPU time and memory of any process from /proc.
import { readdir, readFile } from 'node:fs/promises';

/** Kernel clock ticks a second, the unit of CPU time in /proc; 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** CPU seconds in user mode and in the kernel. */
export interface CpuTimes {
  readonly user: number;
  readonly system: number;
}

/** Threads of a server: its front ends with the main thread, its coordinator, its workers, and V8's helpers. */
export type ThreadTimes = Readonly<Record<'front' | 'coordinator' | 'workers' | 'rest', CpuTimes>>;

/** CPU seconds of a process, user and system time, including threads that have ended. */
export async function processCpuSeconds(pid: number): Promise<number> {
  const { user, system } = await processTimes(pid);
  return user + system;
}

/** The same, apart. */
export async function processTimes(pid: number): Promise<CpuTimes> {
  return parseStat(await readFile(`/proc/${pid}/stat`, 'ascii'));
}

/** CPU seconds of a server's live threads, by the names that they bear. */
export async function threadTimes(pid: number): Promise<ThreadTimes> {
  let sums = eachKind(() => ({ user: 0, system: 0 }));
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end meanwhile.
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'ascii').catch(() => undefined);
    if (stat === undefined) continue;
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const kind = Number(thread) === pid ? 'front' : kindOf(name);
    const { user, system } = parseStat(stat);
    sums = { ...sums, [kind]: { user: sums[kind].user + user, system: sums[kind].system + system } };
  }
  return sums;
}

/** Makes times for each kind of thread. */
export function eachKind(make: (kind: keyof ThreadTimes) => CpuTimes): ThreadTimes {
  return { front: make('front'), coordinator: make('coordinator'), workers: make('workers'), rest: make('rest') };
}

function kindOf(name: string): keyof ThreadTimes {
  if (name.startsWith('front-')) return 'front';
  if (name.startsWith('worker-')) return 'workers';
  return name === 'coordinator' ? name : 'rest';
}

/** utime and stime are fields 14 and 15. Field 2, the name in parentheses, may contain spaces and parentheses. */
function parseStat(stat: string): CpuTimes {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND };
}

/** Resident memory of a process, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'ascii'))?.[1];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS`);
  return Number(kilobytes) * 1_024;
}
