// The directory of scheduled backups: one subdirectory for each good one, named after registry and time. A copy in work
// has another name until it is complete and on disk. Invariants: an unfinished copy never counts. Nothing is removed
// but directories of this naming whose every file is one that a backup has.
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { syncDirectory } from '../runtime/atomic-file.ts';
import { BackupError, IDENTITY_FILES, PREVIOUS_KEY_FILE, TABLE_DIRECTORY, TABLE_FILE } from './registry-files.ts';

/** Unfinished copies that one call removes. Each attempt leaves one at most, so they cannot pile up. */
const LEFTOVERS_MAX = 16;
/** Hex digits of the registry's ID in a name. */
const ID_DIGITS = 16;
const UNFINISHED = 'unfinished-';

const FILES: ReadonlySet<string> = new Set([...IDENTITY_FILES, PREVIOUS_KEY_FILE]);
/** LMDB and the lock of a command leave the other files beside the table. */
const TABLE_FILES: ReadonlySet<string> = new Set([TABLE_FILE, 'lock.mdb']);
const NEEDED = [...IDENTITY_FILES, join(TABLE_DIRECTORY, TABLE_FILE)];

/** A complete backup. */
export interface GoodBackup {
  readonly path: string;
  /** The time at which the copy began. */
  readonly time: Date;
}

/** The name of a backup: `xlreg-0123456789abcdef-20261129T230837Z`. */
export function backupName(registryId: string, time: Date): string {
  return `xlreg-${registryId.slice(0, ID_DIGITS)}-${time.toISOString().replace(/\.\d+|[-:]/g, '')}`;
}

export class BackupFolder {
  readonly #directory: string;
  readonly #dataDirectory: string;
  readonly #registryId: string;

  /** `registryId` is hex. */
  constructor(directory: string, dataDirectory: string, registryId: string) {
    this.#directory = resolve(directory);
    this.#dataDirectory = resolve(dataDirectory);
    this.#registryId = registryId;
  }

  /** Throws BackupError if the directory is the data directory, or in it. Follows symbolic links. */
  assertOutside(): void {
    const way = relative(realPlace(this.#dataDirectory), realPlace(this.#directory));
    if (way === '..' || way.startsWith('../')) return;
    throw new BackupError(`${this.#directory} is in the data directory ${this.#dataDirectory}`);
  }

  /** The good backups of this registry, the newest first. Rejects if the directory is missing. */
  async good(): Promise<GoodBackup[]> {
    const prefix = backupName(this.#registryId, new Date(0)).slice(0, -'19700101T000000Z'.length);
    const names = (await readdir(this.#directory))
      .filter((name) => name.startsWith(prefix))
      .sort()
      .reverse();
    const found = names.map((name) => ({ path: join(this.#directory, name), time: timeOf(name) }));
    return found.filter(({ path, time }) => !Number.isNaN(time.getTime()) && isComplete(path));
  }

  /** Makes the directory of a copy that begins now. Never makes the backup directory: its disk may not be mounted. */
  async begin(time: Date): Promise<string> {
    const copy = join(this.#directory, `${UNFINISHED}${backupName(this.#registryId, time)}`);
    await mkdir(copy, { mode: 0o700 });
    return copy;
  }

  /** Gives a complete copy its name. It is durable when this resolves. */
  async finish(copy: string): Promise<GoodBackup> {
    await rm(join(copy, TABLE_DIRECTORY, 'lock.mdb'), { force: true });
    await syncDirectory(join(copy, TABLE_DIRECTORY));
    await syncDirectory(copy);
    const name = basename(copy).slice(UNFINISHED.length);
    const path = join(this.#directory, name);
    await rename(copy, path);
    await syncDirectory(this.#directory);
    return { path, time: timeOf(name) };
  }

  /** Removes copies that a crash or a failure left, LEFTOVERS_MAX at most. */
  async removeLeftovers(): Promise<void> {
    const prefix = `${UNFINISHED}xlreg-${this.#registryId.slice(0, ID_DIGITS)}-`;
    const names = (await readdir(this.#directory)).filter((name) => name.startsWith(prefix));
    for (const name of names.slice(0, LEFTOVERS_MAX)) await removeCopy(join(this.#directory, name));
  }

  /** Removes the oldest good backups beyond `keep`. Returns those that it leaves because of foreign files. */
  async prune(keep: number): Promise<string[]> {
    const left: string[] = [];
    for (const { path } of (await this.good()).slice(keep)) {
      if (await hasForeignFiles(path)) {
        left.push(path);
        continue;
      }
      // Renamed first: a crash half-way through leaves no good name on an incomplete backup.
      const doomed = join(dirname(path), `${UNFINISHED}${basename(path)}`);
      await rename(path, doomed);
      await removeCopy(doomed);
    }
    return left;
  }
}

/** Removes the files that a backup has, and the directory unless it holds another. */
async function removeCopy(path: string): Promise<void> {
  if (await hasForeignFiles(path)) return;
  for (const name of TABLE_FILES) await rm(join(path, TABLE_DIRECTORY, name), { force: true });
  for (const name of FILES) await rm(join(path, name), { force: true });
  await rmdir(join(path, TABLE_DIRECTORY)).catch(unlessMissing);
  await rmdir(path).catch(unlessMissing);
}

async function hasForeignFiles(path: string): Promise<boolean> {
  const names = await readdir(path);
  if (names.some((name) => !FILES.has(name) && name !== TABLE_DIRECTORY)) return true;
  const inTable = names.includes(TABLE_DIRECTORY) ? await readdir(join(path, TABLE_DIRECTORY)) : [];
  return inTable.some((name) => !TABLE_FILES.has(name));
}

function isComplete(path: string): boolean {
  return NEEDED.every((name) => existsSync(join(path, name)));
}

/** The time in a name; an invalid Date if it has none. */
function timeOf(name: string): Date {
  const iso = name.slice(-'19700101T000000Z'.length);
  return new Date(iso.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** The path without symbolic links; those of its parents if it does not exist. */
function realPlace(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPlace(parent), basename(path));
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Bytes of a backup. */
export async function sizeOf(backup: string): Promise<number> {
  return (await stat(join(backup, TABLE_DIRECTORY, TABLE_FILE))).size;
}
