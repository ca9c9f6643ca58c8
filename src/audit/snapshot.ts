// The files of an audit log as they were at one moment, although the server may write and rotate them meanwhile.
import { access, type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { rotatedFiles } from './audit-files.ts';

/** Attempts to open all files between two rotations. */
const ATTEMPTS_MAX = 1_000;

/** Milliseconds in which a server that is writing a line adds to it. */
const TORN_CHECK_MS = 100;

/** An open file of the log. */
export interface LogFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Bytes at the moment; the server may have added more since. */
  readonly size: number;
  /** True if the file is empty or ends with a line feed. */
  readonly endsWhole: boolean;
}

/** The server rotates the files faster than they can be opened. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/**
 * Opens the files, the oldest first; the newest is missing if there is none. The caller closes them with
 * `closeSnapshot`. Rejects with SnapshotError or a system error.
 */
export async function openSnapshot(file: string): Promise<readonly LogFile[]> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const files = await openAll(file);
    if (files === undefined) continue;
    if (!(await isBeingWritten(files.at(-1)))) return files;
    await closeSnapshot(files);
  }
  throw new SnapshotError(`the files of ${file} are rotated too fast to be read together`);
}

export async function closeSnapshot(files: readonly LogFile[]): Promise<void> {
  for (const { handle } of files) await handle.close();
}

/** Resolves to undefined if the server rotated the files meanwhile. */
async function openAll(file: string): Promise<readonly LogFile[] | undefined> {
  const paths = await pathsOf(file);
  const files: LogFile[] = [];
  try {
    for (const path of paths) files.push(await openOne(path));
    if (isDeepStrictEqual(await pathsOf(file), paths)) return files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      await closeSnapshot(files);
      throw error;
    }
  }
  await closeSnapshot(files);
  return undefined;
}

async function pathsOf(file: string): Promise<string[]> {
  const rotated = (await rotatedFiles(file)).map(({ path }) => path);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  return exists ? [...rotated, file] : rotated;
}

async function openOne(path: string): Promise<LogFile> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const last = Buffer.from('\n');
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    return { path, handle, size, endsWhole: last.toString() === '\n' };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** True if the newest file ended in the middle of a line that the server has gone on with since. */
async function isBeingWritten(newest: LogFile | undefined): Promise<boolean> {
  if (newest === undefined || newest.endsWhole) return false;
  await pause(TORN_CHECK_MS);
  return (await newest.handle.stat()).size !== newest.size;
}
