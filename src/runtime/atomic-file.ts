// Atomic and durable writes of small files, for the registry's identity and a member's home. A crash of the machine
// leaves the old file or the new one, whole.
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file atomically: writes and syncs a temporary file beside it, renames it, and syncs the directory. The file
 * belongs to `owner` if root runs this, else to the running user.
 */
export async function writeDurably(
  directory: string,
  name: string,
  text: string,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const path = join(directory, name);
  await writeWhole(`${path}.tmp`, 'w', text, mode, owner);
  await rename(`${path}.tmp`, path);
  await syncDirectory(directory);
}

/** The same for several concurrent writers. The last rename wins. */
export async function writeSharedDurably(directory: string, name: string, text: string, mode: number): Promise<void> {
  await withOwnTemporary(directory, name, text, mode, (temporary, path) => rename(temporary, path));
}

/** Creates a file atomically. Returns false and changes nothing if the file exists. Allows concurrent callers. */
export async function createDurably(directory: string, name: string, text: string, mode: number): Promise<boolean> {
  try {
    await withOwnTemporary(directory, name, text, mode, (temporary, path) => link(temporary, path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function withOwnTemporary(
  directory: string,
  name: string,
  text: string,
  mode: number,
  place: (temporary: string, path: string) => Promise<void>,
): Promise<void> {
  const path = join(directory, name);
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    await writeWhole(temporary, 'wx', text, mode);
    await place(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(directory);
}

async function writeWhole(
  path: string,
  flags: 'w' | 'wx',
  text: string,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    // The umask may have cleared bits, and a left-over file has its own mode.
    await file.chmod(mode);
    if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes creations, renames and removals in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const entries = await open(directory, 'r');
  try {
    await entries.sync();
  } finally {
    await entries.close();
  }
}
