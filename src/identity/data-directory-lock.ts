// One server at a time on a data directory: the lock of the directory, and the lock.json that versions up to 0.1.0 wrote
// instead. That file names a process and is never renewed.
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { LOCK_DEAD_MS } from '../limits.ts';
import { type DirectoryLock, type LockOptions, lockDirectory } from './directory-lock.ts';
import { LockedError } from './lock-files.ts';

export type { DirectoryLock } from './directory-lock.ts';
export { LockedError } from './lock-files.ts';

const OLD_LOCK_FILE = 'lock.json';

const oldHolderSchema = z.object({
  pid: z.number().int().positive(),
  /** When the process began, in clock ticks since the boot; with the boot's ID it tells processes of one pid apart. */
  started: z.string(),
  boot: z.string(),
  /** Pids mean something only within this. */
  pidNamespace: z.string(),
});
type OldHolder = z.infer<typeof oldHolderSchema>;

/**
 * Takes the lock of a data directory. Rejects with LockedError, which names the holder, or with the system's error. An old
 * lock.json is removed if its process is gone: as /proc tells in the same boot and PID namespace, else if the file stays
 * the same for as long as a lease may.
 */
export async function lockDataDirectory(directory: string, options: LockOptions): Promise<DirectoryLock> {
  const lock = await lockDirectory(directory, options);
  try {
    await removeOldLock(directory, join(directory, OLD_LOCK_FILE), options);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function removeOldLock(directory: string, path: string, options: LockOptions): Promise<void> {
  const text = readIfThere(path);
  if (text === undefined) return;
  const parsed = oldHolderSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new LockedError(`${path} is not a lock of this server; remove it if none runs here`);
  const { pid } = parsed.data;
  let alive = isAlive(parsed.data);
  if (alive === undefined) {
    const deadMs = options.timing?.deadMs ?? LOCK_DEAD_MS;
    options.onWaiting(
      `${path} of an older version names pid ${pid} elsewhere: waiting ${deadMs / 1000} s for a change`,
    );
    await pause(deadMs);
    alive = readIfThere(path) !== text;
  }
  if (alive) throw new LockedError(`${directory} is in use by the process with pid ${pid} (${path})`);
  rmSync(path, { force: true });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether the holder lives; undefined if it cannot be looked for from here. */
function isAlive({ pid, started, boot, pidNamespace }: OldHolder): boolean | undefined {
  if (boot !== readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim()) return undefined;
  if (pidNamespace !== readlinkSync('/proc/self/ns/pid')) return undefined;
  const found = startOf(pid);
  return found === UNKNOWN || found === started;
}

/** Of a process that lives, when it began: a system may show a user no processes but its own. */
const UNKNOWN = 'unknown';

/** When a process began, in clock ticks since the boot; undefined if there is none of this pid that can still do anything. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'ascii');
  } catch {
    return isThere(pid) ? UNKNOWN : undefined;
  }
  // Behind the command's name, which is in parentheses and may hold anything: fields 3, 20 and 22 of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, started] = [fields[0]!, Number(fields[17]), fields[19]!];
  // One that was killed is there until its last thread has come back from the disk.
  return (state === 'Z' || state === 'X') && threads <= 1 ? undefined : started;
}

/** Whether there is a process of this pid, shown or not. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
