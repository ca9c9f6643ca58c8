// One server at a time on a data directory: a lock file that names its holder. It is taken over only from a process that
// is certainly gone, so that a machine that lost power needs nobody to clean up.
import { linkSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** The data directory is another server's; the message says whose. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

const LOCK_FILE = 'lock.json';
const ATTEMPTS_MAX = 3;

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
    if (createExclusively(path, JSON.stringify(mine))) return () => rmSync(path, { force: true });
    const holder = readHolder(path);
    if (holder === 'gone') continue;
    if (isHeld(holder, mine)) {
      throw new LockedError(`${directory} is in use by the process with pid ${holder.pid} (${path})`);
    }
    // Only one of several who find this can move the old lock away under this name.
    if (takeAway(path, holder, mine)) continue;
  }
  throw new LockedError(`${path} changes hands too fast to be taken`);
}

/** Creates a file with its contents in one step, which `open` with the exclusive flag does not. */
function createExclusively(path: string, text: string): boolean {
  const temporary = `${path}.${process.pid}`;
  // Readable, or a server could not tell that an operator's command that was killed, under another user, is gone.
  writeFileSync(temporary, text, { mode: 0o644 });
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

/** Removes a lock whose holder is gone, unless it has changed meanwhile. */
function takeAway(path: string, holder: Holder, mine: Holder): boolean {
  const guard = `${path}.takeover`;
  if (!createExclusively(guard, JSON.stringify(mine))) {
    const other = readHolder(guard);
    if (other !== 'gone' && !isHeld(other, mine)) rmSync(guard, { force: true });
    return false;
  }
  try {
    const now = readHolder(path);
    if (now !== 'gone' && now.pid === holder.pid && now.started === holder.started) rmSync(path, { force: true });
    return true;
  } finally {
    rmSync(guard, { force: true });
  }
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
