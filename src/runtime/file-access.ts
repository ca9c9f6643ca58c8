// Which users may use a file of ours. A mount may give everything to a group of the process, as Kubernetes does for a fsGroup
// each time; other users may never have anything.
import { chmod, stat } from 'node:fs/promises';

/** What a file of keys has. */
const PRIVATE_FILE = 0o600;

/** What of a mode to look at: others who can do anything, and others who can change what is in a directory. */
export const ANY_ACCESS = 0o077;
export const WRITE_ACCESS = 0o022;

/** Who has some access beside the owner: nobody, a group of this process, or anybody else. */
export type Access = 'nobody' | 'own-group' | 'others';

/** Some access to a file, as `accessTo` finds it. */
export interface FoundAccess {
  readonly access: Access;
  /** Permission bits of the file in octal digits, for messages. */
  readonly mode: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
}

/** Who beside the owner has one of these kinds of access to a file. Rejects with the system's error. */
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

/** Takes the access of its group from a file. Returns a warning that says so; throws an Error with a message for people. */
export async function takeFromGroup(path: string, mode: string): Promise<string> {
  try {
    await chmod(path, PRIVATE_FILE);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `${path} can be used by its group (mode ${mode}), which cannot be changed: ${code}; its owner has to`,
    );
  }
  return `${path} was open to its group (mode ${mode}): it is set back to mode 600, its group may have read it`;
}

function isOwnGroup(gid: number): boolean {
  return process.getegid?.() === gid || (process.getgroups?.() ?? []).includes(gid);
}
