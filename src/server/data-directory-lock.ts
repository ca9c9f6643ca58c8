// One server at a time on a data directory: a lock file that names its holder. It is taken over only from a process that
// is certainly gone, so that a machine that lost power needs nobody to clean up.
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** The data directory is another server's; the message says whose. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

const LOCK_FILE = 'lock.json';
/** How often, and how far apart, one looks again who finds others at taking over a lock: two seconds in all. */
const ATTEMPTS_MAX = 400;
const PAUSE_MS = 5;

const holderSchema = z.object({
  pid: z.number().int().positive(),
  /** When the process began, in clock ticks since the boot; with the boot's ID it tells processes of one pid apart. */
  started: z.string(),
  boot: z.string(),
  /** Pids mean something only within this. */
  pidNamespace: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** Takes the lock of a directory and returns what gives it up. Throws LockedError with the holder's pid. */
export function lockDataDirectory(directory: string): () => void {
  const path = join(directory, LOCK_FILE);
  const mine = describeSelf();
  // Who is refused has nothing to write, and waits for no disk.
  refuseIfHeld(path, readHolder(path), mine);
  // Not named by the pid, which a process in another container may share.
  const own = `${path}.${randomUUID()}`;
  let inTheWay = 'it changes hands too fast';
  try {
    // Readable, or a server could not tell that an operator's command that was killed, under another user, is gone. Flushed,
    // or a machine that lost power would come back with a name for nothing.
    writeFileSync(own, JSON.stringify(mine), { mode: 0o644, flush: true });
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      if (linkUnlessThere(own, path)) return () => rmSync(path, { force: true });
      const holder = readHolder(path);
      if (holder === 'gone') continue;
      refuseIfHeld(path, holder, mine);
      const other = removeStale(path, holder, mine, own);
      if (other === undefined) continue;
      inTheWay = other;
      pause();
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new LockedError(`${path} cannot be taken: ${inTheWay}`);
}

function refuseIfHeld(path: string, holder: Holder | 'gone', mine: Holder): void {
  if (holder === 'gone' || !isHeld(holder, mine)) return;
  throw new LockedError(`${dirname(path)} is in use by the process with pid ${holder.pid} (${path})`);
}

/** Gives a file a second name, in one step, if that is free: a lock is there with all its bytes or not at all. */
function linkUnlessThere(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): Holder | 'gone' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  const parsed = holderSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new LockedError(`${path} is not a lock of this server; remove it if none runs here`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether the holder may still live. One in another container cannot be looked for, so it counts as living. */
function isHeld(holder: Holder, mine: Holder): boolean {
  if (holder.boot !== mine.boot) return false;
  if (holder.pidNamespace !== mine.pidNamespace) return true;
  const started = startOf(holder.pid);
  return started === UNKNOWN || started === holder.started;
}

/**
 * Removes a file whose holder is gone; what is in the way if it could not be.
 *
 * To read a file and then to remove it by its name are two steps, and in between the name may have become another's. So
 * a file of this holder is only removed by who holds a second one, the guard, which is named after both. It is a lock
 * like the first: of one that died with it, it is taken in the same way, by a guard of its own. As nobody holds a guard
 * beside somebody living, and the dead remove nothing, what its holder reads is what it removes.
 */
function removeStale(path: string, holder: Holder, mine: Holder, own: string): string | undefined {
  const guard = `${path}.${holder.pid}-${holder.started}`;
  if (!linkUnlessThere(own, guard)) {
    const other = readHolder(guard);
    if (other !== 'gone' && !isHeld(other, mine)) return removeStale(guard, other, mine, own);
    return other === 'gone' ? 'others are at it' : `the process with pid ${other.pid} is at it (${guard})`;
  }
  try {
    if (isDeepStrictEqual(readHolder(path), holder)) rmSync(path);
    return undefined;
  } finally {
    rmSync(guard);
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

function describeSelf(): Holder {
  const started = startOf(process.pid);
  if (started === undefined || started === UNKNOWN) throw new Error('/proc does not show this process');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim();
  return { pid: process.pid, started, boot, pidNamespace: readlinkSync('/proc/self/ns/pid') };
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
