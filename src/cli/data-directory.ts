// Copies a registry's identity and table for backup and restore, and keeps servers away from a data directory
// meanwhile.
import { existsSync, readdirSync } from 'node:fs';
import { chmod, copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { LockedError, lockDataDirectory } from '../identity/data-directory-lock.ts';
import { syncDirectory } from '../runtime/atomic-file.ts';
import { makeDirectory } from '../runtime/make-directory.ts';
import { OperatorError } from './operator-error.ts';

/** Files of the identity; the copy writes them in this order, secrets first. */
const IDENTITY_FILES = ['ck.pem', 'sk.pem', 'regCred.dat', 'id'] as const;

/** Present during a key rotation (H10). */
const PREVIOUS_KEY_FILE = 'ck-previous.pem';

/** The table's file in its directory. */
const TABLE_FILE = 'data.mdb';

/** Error codes of a directory that no server can use. */
const NO_PLACE_FOR_SERVERS: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EROFS']);

/**
 * Locks a data directory against servers, and returns a function that releases the lock. Opening the table of a running
 * server can make that server lose a commit. Rejects with OperatorError if a server has the lock, or if locking fails.
 */
export async function keepServersFrom(directory: string): Promise<() => void> {
  try {
    return await lockForCommand(directory);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (NO_PLACE_FOR_SERVERS.has(code)) return () => {};
    if (error instanceof LockedError) {
      throw new OperatorError(`${message}; to read the table of a running registry, make a copy with xlreg backup`, 2);
    }
    throw new OperatorError(`cannot lock ${directory}: ${message}`, 2);
  }
}

/**
 * Takes the lock for the duration of a command. Rejects like `lockDataDirectory`; exits the process if the lock is
 * lost.
 */
export async function lockForCommand(directory: string): Promise<() => void> {
  const lock = await lockDataDirectory(directory, {
    onLost(error) {
      process.stderr.write(`xlreg: ${error.message}\n`);
      process.exit(1);
    },
    onWaiting: (text) => process.stderr.write(`xlreg: ${text}\n`),
  });
  return () => lock.release();
}

/** Calls `look` while the directory is locked against servers. Rejects with OperatorError if a server uses it. */
export async function whileUnused<T>(directory: string, look: (directory: string) => Promise<T>): Promise<T> {
  const release = await keepServersFrom(directory);
  try {
    return await look(directory);
  } finally {
    release();
  }
}

/**
 * Copies identity and table to an empty or missing directory. `table` is the directory of the table. Rejects with
 * OperatorError.
 */
export async function copyRegistry(from: string, to: string, table = join(from, 'table')): Promise<void> {
  if (existsSync(to) && readdirSync(to).length > 0) throw new OperatorError(`${to} is not empty`, 2);
  for (const path of [...IDENTITY_FILES.map((name) => join(from, name)), join(table, TABLE_FILE)]) {
    if (!existsSync(path)) throw new OperatorError(`${path} is missing`, 2);
  }
  makeDirectory(join(to, 'table'), 0o700);
  await chmod(to, 0o700);
  await copyDurably(join(table, TABLE_FILE), join(to, 'table', TABLE_FILE), 0o600);
  await syncDirectory(join(to, 'table'));
  const previousKey = existsSync(join(from, PREVIOUS_KEY_FILE)) ? [PREVIOUS_KEY_FILE] : [];
  for (const name of [...previousKey, ...IDENTITY_FILES]) {
    await copyDurably(join(from, name), join(to, name), name === 'regCred.dat' ? 0o644 : 0o600);
  }
  await syncDirectory(to);
}

async function copyDurably(from: string, to: string, mode: number): Promise<void> {
  await copyFile(from, to);
  await chmod(to, mode);
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
