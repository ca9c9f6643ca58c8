// One process at a time on a directory: a lease that is the name of a file.
//
//   DIRECTORY/lock/COUNTER.PID.ID.PLACE.HOST   the lease: an empty file, whose name is the whole state of the lock
//   DIRECTORY/lock.ID.socket                   the holder listens here, so the kernel tells whether it lives
//   DIRECTORY/lock.ID.new/                     a lease on its way to become lock/
//
// ID is random and new for each attempt, COUNTER grows with each renewal: no name of a lease is ever used twice. Each
// transition is one system call on such a name, so exactly one process succeeds, however long others were stopped:
//
//   take a free lock   rename lock.ID.new to lock    fails unless lock is missing or empty
//   renew              rename own lease, COUNTER + 1 fails if the lease is no longer there
//   take over          rename a dead lease to own    fails if it was renewed, released or taken over
//   release            unlink own lease, rmdir lock  unlink fails likewise; rmdir fails if a new lease is there
//
// Invariant: lock/ holds one lease or none, and is free exactly when it is empty or missing. A listing during a rename may
// show both names or neither; it is a hint only, the rename decides.
//
// A holder is dead if its socket refuses connections. That is the kernel's word, and holds across PID and mount
// namespaces, users and host names, because connect() resolves the inode. It counts only on the kernel and file system
// (PLACE) where the socket was bound. Elsewhere, and where there is no socket, a lease is dead if its name stays the same
// for `deadMs` of the observer's monotonic clock.
//
// Safety of that rule: a renewal that began at time t opens the holder's fence until t + fenceMs. An observer that saw the
// same name from s to s + deadMs knows t <= s, since a later renewal would have changed the name. Its rename fails if one
// comes in between. So when it succeeds, the fence has been closed for deadMs - fenceMs already, and stays closed, because
// the holder's next renewal fails.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bootMilliseconds, Fence } from './fence.ts';
import { LOCK_DEAD_MS, LOCK_FENCE_MS, LOCK_RENEWAL_MS } from './limits.ts';

/** Another process holds the directory; the message says which. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/** Milliseconds; renewalMs < fenceMs < deadMs. */
export interface LockTiming {
  /** Between two renewals. */
  readonly renewalMs: number;
  /** From the begin of a renewal until the holder must not write any more. */
  readonly fenceMs: number;
  /** From the first to the last sight of an unchanged lease until its holder counts as dead. */
  readonly deadMs: number;
}

const TIMING: LockTiming = { renewalMs: LOCK_RENEWAL_MS, fenceMs: LOCK_FENCE_MS, deadMs: LOCK_DEAD_MS };

/** How a lock is taken and held. */
export interface LockOptions {
  /**
   * Called once, if another process took the lock over or somebody removed it: this process must not go on. It may come
   * before the lock is handed out.
   */
  readonly onLost: (error: Error) => void;
  /** Told, in a sentence, for whom this waits and how long. */
  readonly onWaiting: (text: string) => void;
  readonly timing?: LockTiming;
}

/** A lock that this process holds. Renewed by a timer of the thread that took it; keeps no process alive. */
export interface DirectoryLock {
  /** Open while this process surely holds the lock. */
  readonly fence: Fence;
  /** Gives the lock up. */
  release(): void;
}

const LOCK = 'lock';
const LEASE = /^(\d{10})\.(\d{1,10})\.([0-9a-f]{16})\.([0-9a-z-]{1,64})\.([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})$/;
const LEFTOVER = /^lock\.([0-9a-f]{16})\.(?:socket|new)$/;
/** A name has at most 10 + 10 + 16 + 64 + 64 characters and 4 dots; file systems take 255. */
const COUNTER_DIGITS = 10;
const HOST_CHARS_MAX = 64;

/** Takeovers that may fail because another process was faster, and the pause after each: two seconds in all. */
const ATTEMPTS_MAX = 400;
const PAUSE_MS = 5;
/** How often a lease without a socket is looked at. */
const LOOK_MS = 250;

/** What the name of a lease says. */
interface Lease {
  readonly name: string;
  readonly pid: string;
  readonly id: string;
  /** Boot ID and device: where the holder's socket can be asked. */
  readonly place: string;
  readonly host: string;
}

/**
 * Takes the lock of a directory. Rejects with LockedError where a living process holds it, or with the system's error.
 * Resolves at once if the lock is free or its holder died on this machine, after `deadMs` if that cannot be known.
 */
export async function lockDirectory(directory: string, options: LockOptions): Promise<DirectoryLock> {
  const files = new LockFiles(directory);
  const claim = new Claim(files);
  try {
    return await take(files, claim, options);
  } catch (error) {
    claim.close();
    files.close();
    throw error;
  }
}

async function take(files: LockFiles, claim: Claim, options: LockOptions): Promise<DirectoryLock> {
  const { fenceMs, deadMs } = options.timing ?? TIMING;
  let seen: { readonly lease: Lease; readonly since: number } | undefined;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; ) {
    const lease = files.lease();
    const alive = lease && (await files.isAlive(lease));
    const renewed = seen?.lease.id === lease?.id && seen?.lease.name !== lease?.name;
    if (lease && (alive || (alive === undefined && renewed))) throw files.inUse(lease);
    if (lease && alive === undefined) {
      // Released or renewed while its socket was asked.
      if (files.lease()?.name !== lease.name) {
        attempt++;
        continue;
      }
      if (seen?.lease.name !== lease.name) {
        seen = { lease, since: performance.now() };
        attempt++;
        options.onWaiting(
          `${files.directory} was locked by ${nameOf(lease)}: waiting ${deadMs / 1000} s for a renewal`,
        );
      }
      const left = seen.since + deadMs - performance.now();
      if (left > 0) {
        await pause(Math.min(left, LOOK_MS));
        continue;
      }
    }
    await claim.listen();
    const began = bootMilliseconds();
    if (claim.take(lease)) {
      const held = new HeldLock(files, claim, began + fenceMs, options);
      await files.removeLeftovers(claim.id);
      return held;
    }
    attempt++;
    await pause(PAUSE_MS);
  }
  throw new LockedError(`${files.directory} cannot be locked: the lock changes hands too fast`);
}

function nameOf({ pid, host }: Lease): string {
  return `the process with pid ${pid} on ${host}`;
}

/** The files of a lock. The directory is held open: paths are short, and go on meaning the same if it is moved. */
class LockFiles {
  readonly directory: string;
  readonly place: string;
  readonly #descriptor: number;
  readonly #base: string;

  constructor(directory: string) {
    this.directory = directory;
    this.#descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#base = `/proc/self/fd/${this.#descriptor}`;
    this.place = placeOf(fstatSync(this.#descriptor).dev);
  }

  path(...names: string[]): string {
    return join(this.#base, ...names);
  }

  /** The lease there is, as far as a listing tells. Throws LockedError where lock/ is something else. */
  lease(): Lease | undefined {
    let names: string[];
    try {
      names = readdirSync(this.path(LOCK));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      if (codeOf(error) !== 'ENOTDIR') throw error;
      names = [''];
    }
    if (names.length === 0) return undefined;
    const [, , pid, id, place, host] = LEASE.exec(names[0]!) ?? [];
    if (pid && id && place && host) return { name: names[0]!, pid, id, place, host };
    throw new LockedError(`${join(this.directory, LOCK)} is not a lock of this server; remove it if none runs here`);
  }

  /** Whether a holder lives; undefined if its socket does not tell. */
  async isAlive({ id, place }: Lease): Promise<boolean | undefined> {
    return place === this.place && place !== UNKNOWN_PLACE ? isListening(this.socketOf(id)) : undefined;
  }

  socketOf(id: string): string {
    return this.path(`lock.${id}.socket`);
  }

  inUse(lease: Lease): LockedError {
    return new LockedError(`${this.directory} is in use by ${nameOf(lease)} (${join(this.directory, LOCK)})`);
  }

  /** Renames something of which one process only can have the new name. Returns whether it was there. */
  move(from: string, to: string): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      // A file server that has lost its reply is asked again, and does not find what it has renamed.
      if (codeOf(error) === 'ENOENT') return existsSync(to);
      throw error;
    }
  }

  /** Makes a directory that everybody may write who may write the locked one: any of them may have to take over. */
  makeShared(path: string): void {
    const { mode, uid, gid } = fstatSync(this.#descriptor);
    mkdirSync(path);
    chmodSync(path, mode & 0o777);
    if (process.getuid?.() === 0) chownSync(path, uid, gid);
  }

  /**
   * Removes what killed processes left, as far as it may. A live one on another machine may lose its socket: its lease
   * then counts by the counter alone. One that loses its lock.ID.new tries again.
   */
  async removeLeftovers(ownId: string): Promise<void> {
    for (const name of readdirSync(this.#base)) {
      const id = LEFTOVER.exec(name)?.[1];
      if (id === undefined || id === ownId || (await isListening(this.socketOf(id)))) continue;
      await rm(this.path(name), { recursive: true, force: true }).catch(() => {});
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** A process that wants the lock, or has it. */
class Claim {
  readonly id = randomBytes(8).toString('hex');
  readonly #files: LockFiles;
  #server: Server | undefined;
  #listened = false;

  constructor(files: LockFiles) {
    this.#files = files;
  }

  /** The path of the lease after so many renewals. */
  lease(renewals: number): string {
    return this.#files.path(LOCK, this.#leaseName(renewals));
  }

  #leaseName(renewals: number): string {
    const counter = String(renewals).padStart(COUNTER_DIGITS, '0');
    const host =
      hostname()
        .replace(/[^A-Za-z0-9._-]|^\./g, '_')
        .slice(0, HOST_CHARS_MAX) || '_';
    return `${counter}.${process.pid}.${this.id}.${this.#files.place}.${host}`;
  }

  /** Listens, before the lease is there. Some file systems hold no sockets: then the counter alone tells. */
  async listen(): Promise<void> {
    if (this.#listened) return;
    this.#listened = true;
    const server = createServer((connection) => connection.destroy());
    // Anybody may connect: of a dead socket that is not theirs to write to, others would hear EACCES only.
    const path = this.#files.socketOf(this.id);
    await new Promise<void>((resolve) => {
      server.on('error', () => resolve());
      server.listen({ path, readableAll: true, writableAll: true }, resolve);
    });
    server.unref();
    this.#server = server;
  }

  /** One step: takes a free lock, or that of a dead lease. Returns whether it did. */
  take(dead: Lease | undefined): boolean {
    const files = this.#files;
    if (dead) return files.move(files.path(LOCK, dead.name), this.lease(0));
    const prepared = files.path(`lock.${this.id}.new`);
    files.makeShared(prepared);
    try {
      writeFileSync(join(prepared, this.#leaseName(0)), '');
      renameSync(prepared, files.path(LOCK));
      return true;
    } catch (error) {
      rmSync(prepared, { recursive: true, force: true });
      // ENOENT: a process that has taken the lock since took this for a leftover.
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) return false;
      throw error;
    }
  }

  close(): void {
    this.#server?.close();
  }
}

class HeldLock implements DirectoryLock {
  readonly fence = new Fence();
  readonly #files: LockFiles;
  readonly #claim: Claim;
  readonly #options: LockOptions;
  readonly #fenceMs: number;
  readonly #timer: NodeJS.Timeout;
  #renewals = 0;
  #released = false;

  constructor(files: LockFiles, claim: Claim, deadline: number, options: LockOptions) {
    const { renewalMs, fenceMs } = options.timing ?? TIMING;
    this.#files = files;
    this.#claim = claim;
    this.#options = options;
    this.#fenceMs = fenceMs;
    this.fence.openUntil(deadline);
    this.#timer = setInterval(() => this.#renew(), renewalMs).unref();
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#timer);
    this.fence.lose();
    try {
      unlinkSync(this.#claim.lease(this.#renewals));
      rmdirSync(this.#files.path(LOCK));
    } catch {
      // Taken over; or the next holder was there before the directory was removed. It is not ours any more.
    }
    this.#claim.close();
    this.#files.close();
  }

  #renew(): void {
    const began = bootMilliseconds();
    let held: boolean;
    try {
      held = this.#files.move(this.#claim.lease(this.#renewals), this.#claim.lease(this.#renewals + 1));
    } catch {
      // Trouble of the file system may pass. Until it does, the fence closes by itself.
      return;
    }
    if (held) {
      this.#renewals++;
      this.fence.openUntil(began + this.#fenceMs);
      return;
    }
    clearInterval(this.#timer);
    this.fence.lose();
    this.#options.onLost(this.#lostError());
  }

  #lostError(): Error {
    const { directory } = this.#files;
    let by = 'it was removed';
    try {
      const lease = this.#files.lease();
      if (lease) by = `${nameOf(lease)} took it over`;
    } catch {
      // Something else is there now.
    }
    return new Error(`the lock of ${directory} is lost: ${by}`);
  }
}

const UNKNOWN_PLACE = 'unknown';

/** Names the kernel that runs now and one of its file systems. */
function placeOf(device: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim();
    return `${boot}-${device.toString(36)}`;
  } catch {
    return UNKNOWN_PLACE;
  }
}

/** Whether a process listens on a socket; undefined if that cannot be told. */
function isListening(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const connection = connect({ path }, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', (error) => {
      const code = codeOf(error);
      // EAGAIN: a holder that is stopped has not accepted the connections before this one.
      resolve(code === 'EAGAIN' ? true : code === 'ECONNREFUSED' ? false : undefined);
    });
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
