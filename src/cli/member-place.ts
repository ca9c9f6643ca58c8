// The default home of a member, and the memory of rosters. They do not depend on the working directory, so that a service finds it again.
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { RosterFolder, type RosterMemory } from '../client/index.ts';
import { UsageError } from './client-flags.ts';

/** Directory of homes in earlier versions. */
const FORMER_HOMES = './xlreg-home';

/**
 * Returns `./xlreg-home/NAME` if it has a member, else `$XDG_STATE_HOME/xlreg/REGISTRY_ID/NAME`, by default in
 * `~/.local/state`. Rejects with UsageError if the system has no home directory.
 */
export async function homeOf(memberName: string, registryId: string): Promise<string> {
  const former = join(FORMER_HOMES, memberName);
  const isThere = await access(join(former, 'member.json')).then(
    () => true,
    () => false,
  );
  return isThere ? former : join(stateDirectory(), 'xlreg', registryId, memberName);
}

/**
 * The memory of rosters of a registry that this user has seen: `$XDG_STATE_HOME/xlreg/REGISTRY_ID/.rosters`. No member
 * has such a name (T2). Throws UsageError if the system has no home directory.
 */
export function rosterMemoryOf(registryId: string): RosterMemory {
  return new RosterFolder(join(stateDirectory(), 'xlreg', registryId, '.rosters'));
}

/** `$XDG_STATE_HOME`, by default `~/.local/state`. Throws UsageError if the system has no home directory. */
export function stateDirectory(): string {
  const set = process.env.XDG_STATE_HOME;
  // The XDG base directory specification requires that relative paths are ignored.
  if (set !== undefined && isAbsolute(set)) return set;
  let user: string;
  try {
    user = homedir();
  } catch {
    user = '';
  }
  if (!isAbsolute(user))
    throw new UsageError(
      'there is no place for state: --home is missing, and neither XDG_STATE_HOME nor HOME names a directory',
    );
  return join(user, '.local', 'state');
}
