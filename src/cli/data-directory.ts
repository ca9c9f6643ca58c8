// Keeps servers away from a data directory while a command uses it.
import { LockedError, lockDataDirectory } from '../identity/data-directory-lock.ts';
import { OperatorError } from './operator-error.ts';

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
