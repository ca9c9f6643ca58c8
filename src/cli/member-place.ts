// Where a member of a registry lives unless --home says so: a place that does not depend on the working directory, so that
// a service finds it again.
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UsageError } from './client-flags.ts';

/** Homes of earlier versions were in the working directory. */
const FORMER_HOMES = './xlreg-home';

/**
 * `$XDG_STATE_HOME/xlreg/REGISTRY_ID/NAME`, in `~/.local/state` by default; `./xlreg-home/NAME` where a member lives
 * there. Rejects with UsageError where the system names no home directory.
 */
export async function homeOf(memberName: string, registryId: string): Promise<string> {
  const former = join(FORMER_HOMES, memberName);
  const isThere = await access(join(former, 'member.json')).then(
    () => true,
    () => false,
  );
  return isThere ? former : join(stateDirectory(), 'xlreg', registryId, memberName);
}

function stateDirectory(): string {
  const set = process.env.XDG_STATE_HOME;
  // The XDG base directory specification has relative paths ignored.
  if (set !== undefined && isAbsolute(set)) return set;
  let user: string;
  try {
    user = homedir();
  } catch {
    user = '';
  }
  if (!isAbsolute(user)) throw new UsageError('--home is missing, and neither XDG_STATE_HOME nor HOME names a place');
  return join(user, '.local', 'state');
}
