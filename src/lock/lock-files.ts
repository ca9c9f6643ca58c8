// The files of a directory's lock: their names, and the system calls on them. directory-lock.ts has the protocol.
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
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';

/** Another process holds the directory. The message names it. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

export const LOCK = 'lock';
export const LEASE = /^(\d{10})\.(\d{1,10})\.([0-9a-f]{16})\.([0-9a-z-]{1,64})\.([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})$/;
const LEFTOVER = /^lock\.([0-9a-f]{16})\.(?:socket|new)$/;
/** A lease's name has at most 10 + 10 + 16 + 64 + 64 characters and 4 dots. File systems accept 255. */
export const COUNTER_DIGITS = 10;
export const HOST_CHARS_MAX = 64;

/** The parts of a lease's name. */
export interface Lease {
  readonly name: string;
  readonly pid: string;
  readonly id: string;
  /** Boot ID and device on which connecting to the holder's socket tells whether it lives. */
  readonly place: string;
  readonly host: string;
}

export function nameOf({ pid, host }: Lease): string {
  return `the process with pid ${pid} on ${host}`;
}

/** The files of a lock. Holds the directory open, so that paths stay short, and valid if the directory moves. */
export class LockFiles {
  readonly directory: string;
  readonly place: string;
  readonly #descriptor: number;
  readonly #base: string;

  constructor(directory: string) {
    this.directory = directory;
    this.#descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    const short = `/proc/self/fd/${this.#descriptor}`;
    // Systems without /proc take the path itself. A socket's path may be too long there, and then the counter tells.
    this.#base = existsSync(short) ? short : resolve(directory);
    this.place = placeOf(fstatSync(this.#descriptor).dev);
  }

  path(...names: string[]): string {
    return join(this.#base, ...names);
  }

  /** The present lease according to a listing. Throws LockedError if lock/ is something else. */
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
    const path = join(this.directory, LOCK);
    throw new LockedError(`${path} is not a lock of this server: remove it if no server runs here`);
  }

  /** Returns whether a holder lives; undefined if its socket cannot tell. */
  async isAlive({ id, place }: Lease): Promise<boolean | undefined> {
    return place === this.place && place !== UNKNOWN_PLACE ? isListening(this.socketOf(id)) : undefined;
  }

  socketOf(id: string): string {
    return this.path(`lock.${id}.socket`);
  }

  inUse(lease: Lease): LockedError {
    return new LockedError(`${this.directory} is in use by ${nameOf(lease)} (${join(this.directory, LOCK)})`);
  }

  /** Renames a file to a name that only this process uses. Returns false if `from` is missing. */
  move(from: string, to: string): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      // A network file system that lost the reply repeats the rename, and then finds `from` missing.
      if (codeOf(error) === 'ENOENT') return existsSync(to);
      throw error;
    }
  }

  /**
   * Makes a directory with mode and owner of the locked one, since each user who may write there may have to take over.
   */
  makeShared(path: string): void {
    const { mode, uid, gid } = fstatSync(this.#descriptor);
    mkdirSync(path);
    chmodSync(path, mode & 0o777);
    if (process.getuid?.() === 0) chownSync(path, uid, gid);
  }

  /**
   * Removes leftovers of killed processes, and ignores failures. A live process on another machine may lose its socket,
   * and then shows by its counter alone that it lives. A process that loses its lock.ID.new tries again.
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

const UNKNOWN_PLACE = 'unknown';

/** Identifies the running kernel and one of its file systems. */
function placeOf(device: number): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim();
    return `${boot}-${device.toString(36)}`;
  } catch {
    return UNKNOWN_PLACE;
  }
}

/** Returns whether a process listens on a socket; undefined if unknown. */
function isListening(path: string): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const connection = connect({ path }, () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', (error) => {
      const code = codeOf(error);
      // EAGAIN: the backlog of a stopped holder is full, so the holder lives.
      resolve(code === 'EAGAIN' ? true : code === 'ECONNREFUSED' ? false : undefined);
    });
  });
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
