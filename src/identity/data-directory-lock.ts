// Locks a data directory for one server. Also honours the lock.json of versions up to 0.1.0, which names a process and
// is never renewed.
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { LOCK_DEAD_MS } from '../limits.ts';
import { type DirectoryLock, type LockOptions, lockDirectory } from '../lock/directory-lock.ts';
import { LockedError, LockFiles, nameOf } from '../lock/lock-files.ts';

export type { DirectoryLock } from '../lock/directory-lock.ts';
export { LockedError } from '../lock/lock-files.ts';

const OLD_LOCK_FILE = 'lock.json';

const oldHolderSchema = z.object({
  pid: z.number().int().positive(),
  /** Start of the process in clock ticks since boot. With the boot ID it distinguishes processes of the same pid. */
  started: z.string(),
  boot: z.string(),
  /** The namespace in which `pid` is valid. */
  pidNamespace: z.string(),
});
type OldHolder = z.infer<typeof oldHolderSchema>;

/**
 * Takes the lock of a data directory. Rejects with LockedError, which names the holder, or with the system's error.
 * Removes an old lock.json if its process is gone. /proc tells that in the same boot and PID namespace. Elsewhere the
 * process counts as gone if the file stays unchanged for `deadMs`.
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

/** Returns the live holder of a data directory's lock, in words; undefined if none is known. Takes no lock. */
export async function holderOf(directory: string): Promise<string | undefined> {
  const files = new LockFiles(directory);
  try {
    const lease = files.lease();
    return lease && (await files.isAlive(lease)) ? nameOf(lease) : undefined;
  } finally {
    files.close();
  }
}

async function removeOldLock(directory: string, path: string, options: LockOptions): Promise<void> {
  const text = readIfThere(path);
  if (text === undefined) return;
  const parsed = oldHolderSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new LockedError(`${path} is not a lock of this server: remove it if no server runs here`);
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

/** Returns whether the holder lives; undefined if its pid means nothing in this boot or PID namespace. */
function isAlive({ pid, started, boot, pidNamespace }: OldHolder): boolean | undefined {
  if (boot !== readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim()) return undefined;
  if (pidNamespace !== readlinkSync('/proc/self/ns/pid')) return undefined;
  const found = startOf(pid);
  return found === UNKNOWN || found === started;
}

/** Start of a live process that the system hides from this user. */
const UNKNOWN = 'unknown';

/** Start of a process in clock ticks since boot; undefined if no process of this pid can still run code. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'ascii');
  } catch {
    return isThere(pid) ? UNKNOWN : undefined;
  }
  // Fields 3, 20 and 22. They follow the command's name, which is in parentheses and may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, started] = [fields[0]!, Number(fields[17]), fields[19]!];
  // A killed process stays until its last thread has returned from a disk operation.
  return (state === 'Z' || state === 'X') && threads <= 1 ? undefined : started;
}

/** Returns whether a process with this pid exists, hidden or not. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
