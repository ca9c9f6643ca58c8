// The admin port's routes that back up a running registry: POST /backup leaves a copy of the table in the data
// directory for xlreg backup, and POST /api/backup streams a whole backup.
import { open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type ArchivedTable, writeArchive } from '../backup/archive.ts';
import { backupName } from '../backup/backup-folder.ts';
import { TABLE_DIRECTORY, TABLE_FILE } from '../backup/registry-files.ts';
import { verifyInProcess } from '../backup/verify-process.ts';
import { type HttpReply, type HttpRoutes, refusalReply } from '../net/web-site.ts';
import type { TableCopies } from './table-copies.ts';

/** Directory of the last copy for xlreg backup DIR, in the data directory, which only the registry's user can read. */
const BACKUP_DIRECTORY = 'backup.new';
/** Directory of a copy that is about to be streamed. */
const STREAM_DIRECTORY = 'backup.stream';

/** The routes. They need the admin token: a backup holds the registry's keys. */
export function backupRoutes(dataDirectory: string, copies: TableCopies): HttpRoutes {
  /** The running copy. Concurrent requests share it, since there is one directory for it. */
  let backup: Promise<HttpReply> | undefined;
  /** BOUNDED: one stream at a time, since it holds a copy of the table on the disk. */
  let streaming = false;
  return new Map<string, () => HttpReply | Promise<HttpReply>>([
    ['POST /backup', () => (backup ??= leaveCopy(dataDirectory, copies).finally(() => (backup = undefined)))],
    [
      'POST /api/backup',
      async () => {
        if (streaming) return refusalReply(409, 'busy', 'another backup is being streamed');
        streaming = true;
        const ended = () => {
          streaming = false;
        };
        try {
          const table = await copyToStream(dataDirectory, copies);
          const id = (await readFile(join(dataDirectory, 'id'), 'latin1')).trim();
          const source = Readable.from(writeArchive(backupName(id, new Date()), dataDirectory, table));
          // Comes even if the client is gone before the first byte.
          source.once('close', () => void table.file.close().finally(ended));
          return { status: 200, type: 'application/x-tar', body: '', headers: { 'cache-control': 'no-store' }, source };
        } catch (error) {
          ended();
          return refusalReply(500, 'backup-failed', (error as Error).message);
        }
      },
    ],
  ]);
}

async function leaveCopy(dataDirectory: string, copies: TableCopies): Promise<HttpReply> {
  const directory = join(dataDirectory, BACKUP_DIRECTORY);
  try {
    await rm(directory, { recursive: true, force: true });
    await copies.copy(directory);
    return { status: 200, type: 'application/json', body: `${JSON.stringify({ directory: resolve(directory) })}\n` };
  } catch (error) {
    return refusalReply(500, 'backup-failed', (error as Error).message);
  }
}

/** Makes and verifies a copy. Only its open file is left, so that a crash during the stream leaves nothing on disk. */
async function copyToStream(dataDirectory: string, copies: TableCopies): Promise<ArchivedTable> {
  const directory = join(dataDirectory, STREAM_DIRECTORY);
  await rm(directory, { recursive: true, force: true });
  try {
    await copies.copy(join(directory, TABLE_DIRECTORY));
    const { digest } = await verifyInProcess(directory, new AbortController().signal);
    return { digest, file: await open(join(directory, TABLE_DIRECTORY, TABLE_FILE), 'r') };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
