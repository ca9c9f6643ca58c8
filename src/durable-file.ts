// Files that must survive whatever stops the machine, whole: those of the registry's identity and of a member's home.
import { open, rename } from 'node:fs/promises';
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
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    // The umask may have taken something from the mode, and a file left from before has its own.
    await file.chmod(mode);
    if (owner && process.getuid?.() === 0) await file.chown(owner.uid, owner.gid);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(directory);
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
