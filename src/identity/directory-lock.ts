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
import { renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LOCK_DEAD_MS, LOCK_FENCE_MS, LOCK_RENEWAL_MS } from '../limits.ts';
import { bootMilliseconds, Fence } from '../shared-memory/fence.ts';
import {
  COUNTER_DIGITS,
  codeOf,
  HOST_CHARS_MAX,
  type Lease,
  LOCK,
  LockedError,
  LockFiles,
  nameOf,
} from './lock-files.ts';

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

/** Takeovers that may fail because another process was faster, and the pause after each: two seconds in all. */
const ATTEMPTS_MAX = 400;
const PAUSE_MS = 5;
/** How often a lease without a socket is looked at. */
const LOOK_MS = 250;

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
