// Access rights of our files. A mount may open files to a group of this process, as Kubernetes does for an fsGroup at
// each mount. Other users must never have access.
import { chmod, stat } from 'node:fs/promises';

/** Mode of a file with keys. */
const PRIVATE_FILE = 0o600;

/** Mode bits of any access by group and others. */
export const ANY_ACCESS = 0o077;
/** Mode bits of write access by group and others. */
export const WRITE_ACCESS = 0o022;

/** Users with access beside the owner: nobody, a group of this process, or anybody else. */
export type Access = 'nobody' | 'own-group' | 'others';

/** The result of `accessTo`. */
export interface FoundAccess {
  readonly access: Access;
  /** Permission bits of the file in octal digits, for messages. */
  readonly mode: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

/** Tells which users beside the owner have access by one of these mode bits. Rejects with the system's error. */
export async function accessTo(path: string, bits: typeof ANY_ACCESS | typeof WRITE_ACCESS): Promise<FoundAccess> {
  const found = await stat(path);
  const shared = found.mode & bits;
  const ownGroup = (shared & 0o007) === 0 && isOwnGroup(found.gid);
  return {
    access: shared === 0 ? 'nobody' : ownGroup ? 'own-group' : 'others',
    mode: (found.mode & 0o777).toString(8),
    isFile: found.isFile(),
    isDirectory: found.isDirectory(),
  };
}

/**
 * Removes the group's access to a file. Returns a warning for the operator. Throws an Error with a message for people.
 */
export async function takeFromGroup(path: string, mode: string): Promise<string> {
  try {
    await chmod(path, PRIVATE_FILE);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${path} can be used by its group (mode ${mode}), and chmod failed with ${code}: its owner must run chmod 600`,
    );
  }
  return `${path} was open to its group (mode ${mode}): its mode is now 600, but its group may have read it`;
}

function isOwnGroup(gid: number): boolean {
  return process.getegid?.() === gid || (process.getgroups?.() ?? []).includes(gid);
}
