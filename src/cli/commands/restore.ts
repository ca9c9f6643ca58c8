// xlreg restore: creates a data directory from a backup.
import { createReadStream, statSync } from 'node:fs';
import { mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readArchive } from '../../backup/archive.ts';
import {
  assertEmpty,
  BackupError,
  copyRegistry,
  identityFilesOf,
  TABLE_DIRECTORY,
} from '../../backup/registry-files.ts';
import type { TableCounts } from '../../registry/table-contents.ts';
import { syncDirectory } from '../../runtime/atomic-file.ts';
import { makeDirectory } from '../../runtime/make-directory.ts';
import { raiseTerm } from '../../store/lmdb/open-table.ts';
import { verifyStore } from '../../store/verify.ts';
import { readArguments } from '../client-flags.ts';
import { whileUnused } from '../data-directory.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';
import { printJson } from '../print.ts';

/** Directory of an archive that is being unpacked, in the data directory. */
const UNPACKING = 'restoring';

/**
 * Verifies the backup, a directory or the stream of `xlreg backup -`, and makes an empty or missing data directory from
 * it. Rejects with BackupError or StoreUnusableError.
 */
export async function restore(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: { ...DATA_DIRECTORY_FLAGS, json: { type: 'boolean' } },
  });
  const [from] = positionals as [string];
  const to = dataDirectoryOf(values);
  const { clients, clusters, members } = isDirectory(from) ? await copy(from, to) : await unpack(from, to);
  if (values.json) printJson('restore', { directory: to, clients, clusters, members });
  else process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

function isDirectory(from: string): boolean {
  if (from === '-') return false;
  // A missing one is reported as a directory without a table.
  return statSync(from, { throwIfNoEntry: false })?.isDirectory() ?? true;
}

async function copy(from: string, to: string): Promise<TableCounts> {
  const counts = await whileUnused(from, verifyStore);
  await copyRegistry(from, to, undefined, raise);
  return counts;
}

/** Raises the term of a restored table: members may have seen later epochs (W4). */
async function raise(directory: string): Promise<void> {
  await raiseTerm(directory, Math.floor(Date.now() / 1000));
  await rm(join(directory, TABLE_DIRECTORY, 'lock.mdb'), { force: true });
}

/** Unpacks and verifies a stream beside its final place. Leaves nothing if it is incomplete or damaged. */
async function unpack(from: string, to: string): Promise<TableCounts> {
  const unpacking = join(to, UNPACKING);
  // A killed restore may have left it.
  await rm(unpacking, { recursive: true, force: true });
  assertEmpty(to);
  makeDirectory(to, 0o700);
  await mkdir(unpacking, { mode: 0o700 });
  try {
    await readArchive(from === '-' ? process.stdin : createReadStream(from), unpacking);
    const counts = await verifyStore(unpacking);
    await raise(unpacking);
    // The table and the secrets first; a directory with an ID counts as a registry's.
    for (const name of [TABLE_DIRECTORY, ...identityFilesOf(unpacking)]) {
      await rename(join(unpacking, name), join(to, name));
    }
    await rmdir(unpacking);
    await syncDirectory(to);
    return counts;
  } catch (error) {
    await rm(unpacking, { recursive: true, force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && !(error instanceof BackupError))
      throw new BackupError(`cannot restore ${from}: ${message}`);
    throw error;
  }
}
