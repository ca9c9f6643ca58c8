// One server at a time on a data directory: a lock file that names its holder. It is taken over only from a process that
// is certainly gone, so that a machine that lost power needs nobody to clean up.
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const mine = describe(process.pid)!;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    if (createExclusively(path, mine)) return () => rmSync(path, { force: true });
    const holder = readHolder(path);
    if (holder === 'gone') continue;
    if (isHeld(holder, mine)) {
      throw new LockedError(`${directory} is in use by the process with pid ${holder.pid} (${path})`);
    }
    if (!removeStale(path, holder, mine)) pause();
  }
  throw new LockedError(`${path} changes hands too fast to be taken`);
}

/** Creates a file with its contents in one step, which `open` with the exclusive flag does not. */
function createExclusively(path: string, mine: Holder): boolean {
  // Not named by the pid, which a process in another container may share.
  const temporary = `${path}.${randomUUID()}`;
  // Readable, or a server could not tell that an operator's command that was killed, under another user, is gone.
  writeFileSync(temporary, JSON.stringify(mine), { mode: 0o644 });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
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
  const living = describe(holder.pid);
  return living !== undefined && living.started === holder.started;
}

/**
 * Removes a file whose holder is gone; false if another process is at it.
 *
 * To read a file and then to remove it by its name are two steps, and in between the name may have become another's. So
 * a file of this holder is only removed by who holds a second one, the guard, which is named after both. It is a lock
 * like the first: of one that died with it, it is taken in the same way, by a guard of its own. As nobody holds a guard
 * beside somebody living, and the dead remove nothing, what its holder reads is what it removes.
 */
function removeStale(path: string, holder: Holder, mine: Holder): boolean {
  const guard = `${path}.${holder.pid}-${holder.started}`;
  if (!createExclusively(guard, mine)) {
    const other = readHolder(guard);
    return other !== 'gone' && !isHeld(other, mine) && removeStale(guard, other, mine);
  }
  try {
    if (isDeepStrictEqual(readHolder(path), holder)) rmSync(path);
    return true;
  } finally {
    rmSync(guard);
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

/** What identifies a process of this machine; undefined if there is none of this pid. */
function describe(pid: number): Holder | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'ascii');
  } catch {
    return undefined;
  }
  // Behind the command's name, which is in parentheses and may hold anything: fields 3 and 22 of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const started = fields[19]!;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim();
  return { pid, started, boot, pidNamespace: readlinkSync('/proc/self/ns/pid') };
}
