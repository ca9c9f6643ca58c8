// Files that must survive whatever stops the machine, whole: those of the registry's identity and of a member's home.
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file, all of it or nothing: a temporary file beside it, synced, renamed, and the directory synced. It belongs to
 * who runs this, unless root runs it for an `owner`.
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

/** The same in a directory that several processes write at once: the last one's file stays, whole. */
export async function writeSharedDurably(directory: string, name: string, text: string, mode: number): Promise<void> {
  await withOwnTemporary(directory, name, text, mode, (temporary, path) => rename(temporary, path));
}

/** Creates a file, whole, unless there is one: false then, and it stays as it is. Several processes may do so at once. */
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
    // The umask may have taken something from the mode, and a file left from before has its own.
    await file.chmod(mode);
    if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes what was created, renamed or removed in a directory last. */
export async function syncDirectory(directory: string): Promise<void> {
  const entries = await open(directory, 'r');
  try {
    await entries.sync();
  } finally {
    await entries.close();
  }
}
