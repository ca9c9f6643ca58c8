// What of a data directory is copied by a backup and brought back by a restore: the registry's identity and its table.
import { existsSync, readdirSync } from 'node:fs';
import { chmod, copyFile, open } from 'node:fs/promises';
import { join } from 'node:path';
import { LockedError, lockDataDirectory } from '../identity/data-directory-lock.ts';
import { syncDirectory } from '../runtime/atomic-file.ts';
import { makeDirectory } from '../runtime/make-directory.ts';
import { OperatorError } from './operator-error.ts';

/** Where a registry keeps itself unless told otherwise. */
export const DATA_DIRECTORY = './xlreg-data';

/** The files of the identity, secrets first. */
const IDENTITY_FILES = ['ck.pem', 'sk.pem', 'regCred.dat', 'id'] as const;

/** There while clients change over to a new key (H10). */
const PREVIOUS_KEY_FILE = 'ck-previous.pem';

/** The table, in its directory. */
const TABLE_FILE = 'data.mdb';

/** Of a place where no server can be. */
const NO_PLACE_FOR_SERVERS: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EROFS']);

/**
 * Keeps servers from a data directory until what is returned is called: a table that another process opens could lose what
 * its server stores meanwhile. Rejects with OperatorError where a server has it, or it cannot be known.
 */
export async function keepServersFrom(directory: string): Promise<() => void> {
  try {
    return await lockForCommand(directory);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (NO_PLACE_FOR_SERVERS.has(code)) return () => {};
    if (error instanceof LockedError) {
      throw new OperatorError(`${message}; xlreg backup makes a copy of its table to look at`, 2);
    }
    throw new OperatorError(`servers cannot be kept from ${directory}: ${message}`, 2);
  }
}

/** Takes the lock for as long as a command takes. Rejects like `lockDataDirectory`; ends the command if it is lost. */
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

/** Looks into a data directory while no server can use it. Rejects with OperatorError where one does. */
export async function whileUnused<T>(directory: string, look: (directory: string) => Promise<T>): Promise<T> {
  const release = await keepServersFrom(directory);
  try {
    return await look(directory);
  } finally {
    release();
  }
}

/** Copies identity and table from one place to another that must not have any; the table may lie elsewhere. */
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
