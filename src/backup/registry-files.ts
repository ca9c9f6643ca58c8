// The files of a registry: its identity and its table. Copies them for backup and restore.
import { existsSync, readdirSync } from 'node:fs';
import { chmod, copyFile, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../runtime/atomic-file.ts';
import { makeDirectory } from '../runtime/make-directory.ts';

/** A backup cannot be made or read. The message is one line for the operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** Files of the identity; a copy writes them in this order, secrets first. */
export const IDENTITY_FILES = ['ck.pem', 'sk.pem', 'regCred.dat', 'id'] as const;

/** Present during a key rotation (H10). */
export const PREVIOUS_KEY_FILE = 'ck-previous.pem';

/** The table's directory, and its file there. */
export const TABLE_DIRECTORY = 'table';
export const TABLE_FILE = 'data.mdb';

/** The file's mode: all but the public credentials are private. */
export function modeOf(name: string): number {
  return name === 'regCred.dat' ? 0o644 : 0o600;
}

/** Names of the identity files that a data directory has. Throws BackupError if one is missing. */
export function identityFilesOf(directory: string): string[] {
  const missing = IDENTITY_FILES.map((name) => join(directory, name)).find((path) => !existsSync(path));
  if (missing !== undefined) throw new BackupError(`${missing} is missing`);
  return [...(existsSync(join(directory, PREVIOUS_KEY_FILE)) ? [PREVIOUS_KEY_FILE] : []), ...IDENTITY_FILES];
}

/**
 * Copies identity and table to an empty or missing directory. `table` is the directory of the table. `change` may
 * change the copied table; it ends before `to` has an ID, so no server uses it. Rejects with BackupError.
 */
export async function copyRegistry(
  from: string,
  to: string,
  table = join(from, TABLE_DIRECTORY),
  change: (directory: string) => Promise<void> = async () => {},
): Promise<void> {
  assertEmpty(to);
  identityFilesOf(from);
  if (!existsSync(join(table, TABLE_FILE))) throw new BackupError(`${join(table, TABLE_FILE)} is missing`);
  makeDirectory(join(to, TABLE_DIRECTORY), 0o700);
  await chmod(to, 0o700);
  await copyDurably(join(table, TABLE_FILE), join(to, TABLE_DIRECTORY, TABLE_FILE), 0o600);
  await change(to);
  await syncDirectory(join(to, TABLE_DIRECTORY));
  await copyIdentity(from, to);
}

/** Throws BackupError if the directory has any entry. */
export function assertEmpty(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0) throw new BackupError(`${directory} is not empty`);
}

/** Copies the identity, and reads each copy back. Rejects with BackupError. */
export async function copyIdentity(from: string, to: string): Promise<void> {
  for (const name of identityFilesOf(from)) {
    await copyDurably(join(from, name), join(to, name), modeOf(name));
    const [original, copy] = await Promise.all([from, to].map((directory) => readFile(join(directory, name))));
    if (!original!.equals(copy!)) throw new BackupError(`${join(to, name)} differs from its original`);
  }
  await syncDirectory(to);
}

async function copyDurably(from: string, to: string, mode: number): Promise<void> {
  await copyFile(from, to);
  await chmod(to, mode);
  await syncFile(to);
}

/** Makes a file's contents durable. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
