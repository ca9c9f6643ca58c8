// Locks a directory for one process. The lock is a lease, and the lease is the name of a file.
//
//   DIRECTORY/lock/COUNTER.PID.ID.PLACE.HOST   the lease: an empty file whose name is the whole state of the lock
//   DIRECTORY/lock.ID.socket                   the holder listens here, so the kernel knows whether it lives
//   DIRECTORY/lock.ID.new/                     a prepared lease, to be renamed to lock/
//
// ID is random and new for each attempt, and COUNTER grows with each renewal. So no name of a lease is ever used twice.
// Each transition is one system call on such a name, so exactly one process succeeds, however long others were stopped:
//
//   take a free lock   rename lock.ID.new to lock    fails unless lock is missing or empty
//   renew              rename own lease, COUNTER + 1 fails if the lease is no longer there
//   take over          rename a dead lease to own    fails if it was renewed, released or taken over
//   release            unlink own lease, rmdir lock  unlink fails likewise; rmdir fails if a new lease is there
//
// Invariant: lock/ holds at most one lease. The lock is free exactly when lock/ is empty or missing. A listing during a
// rename may show both names or neither. A listing is a hint only; the rename decides.
//
// A holder is dead if its socket refuses connections. The kernel's answer holds across PID and mount namespaces, users
// and host names, because connect() resolves the inode. The answer counts only on the kernel and file system (PLACE)
// where the socket was bound. Elsewhere, and without a socket, a lease is dead if its name stays the same for `deadMs`
// of the observer's monotonic clock.
//
// Safety of that rule: a renewal that began at time t opens the holder's fence until t + fenceMs. An observer that saw
// the same name from s to s + deadMs knows t <= s, since a later renewal would have changed the name. A renewal before
// the observer's rename makes that rename fail. So when the rename succeeds, the fence has been closed for deadMs -
// fenceMs. The fence stays closed, because the holder's next renewal fails.
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
  /** From the start of a renewal until the holder must stop writing. */
  readonly fenceMs: number;
  /** Time for which an observer must see an unchanged lease before its holder counts as dead. */
  readonly deadMs: number;
}

const TIMING: LockTiming = { renewalMs: LOCK_RENEWAL_MS, fenceMs: LOCK_FENCE_MS, deadMs: LOCK_DEAD_MS };

/** Options for taking and holding a lock. */
export interface LockOptions {
  /**
   * Called at most once, when another process has taken over or removed the lock. This process must stop then. The call
   * may come before `lockDirectory` resolves.
   */
  readonly onLost: (error: Error) => void;
  /** Gets a sentence that names the holder and the wait. */
  readonly onWaiting: (text: string) => void;
  readonly timing?: LockTiming;
}

/** A lock that this process holds. A timer of the thread that took it renews it, without keeping the process alive. */
export interface DirectoryLock {
  /** Open only while this process certainly holds the lock. */
  readonly fence: Fence;
  /** Releases the lock. */
  release(): void;
}

/** Attempts that may fail because another process was faster. With PAUSE_MS after each they last two seconds. */
const ATTEMPTS_MAX = 400;
const PAUSE_MS = 5;
/** Attempts to listen, each of which a holder that removes leftovers may spoil. */
const LISTEN_ATTEMPTS_MAX = 8;
/** Milliseconds between two looks at a lease without a socket. */
const LOOK_MS = 250;

/**
 * Takes the lock of a directory. Rejects with LockedError if a live process holds it, or with the system's error.
 * Resolves at once if the lock is free or its holder died on this machine. Resolves after `deadMs` if the holder's
 * state is unknown.
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
      // The lease was released or renewed during the connect.
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

/** The lease and socket of this process, before and after it takes the lock. */
class Claim {
  readonly id = randomBytes(8).toString('hex');
  readonly #files: LockFiles;
  #server: Server | undefined;
  #listened = false;

  constructor(files: LockFiles) {
    this.#files = files;
  }

  /** Path of the lease after so many renewals. */
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

  /** Listens before the lease exists. On a file system without sockets only the counter shows that the holder lives. */
  async listen(): Promise<void> {
    if (this.#listened) return;
    this.#listened = true;
    for (let attempt = 1; attempt <= LISTEN_ATTEMPTS_MAX && this.#server === undefined; attempt++) {
      this.#server = await listenForAll(this.#files.socketOf(this.id));
    }
  }

  /** Tries once to take a free lock, or the lock of a dead lease. Returns whether it succeeded. */
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
      // ENOENT: the process that has the lock by now removed the prepared lease as a leftover.
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) return false;
      throw error;
    }
  }

  close(): void {
    this.#server?.close();
  }
}

/**
 * Listens on a socket that every user may connect to: without write permission a dead one would give others EACCES, not
 * ECONNREFUSED. Resolves to undefined if a holder removed it as a leftover between bind and listen; chmod, which comes
 * last, then fails.
 */
async function listenForAll(path: string): Promise<Server | undefined> {
  const server = createServer((connection) => connection.destroy()).unref();
  try {
    await new Promise<void>((resolve) => {
      server.on('error', () => resolve());
      server.listen({ path, readableAll: true, writableAll: true }, resolve);
    });
    return server;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
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
      // Another process has taken over, or has taken the lock between unlink and rmdir. The lock is not ours any more.
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
      // A failure of the file system may pass. The fence closes by itself if it does not.
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
      // lock/ is no lock of ours now.
    }
    return new Error(`the lock of ${directory} is lost: ${by}`);
  }
}
