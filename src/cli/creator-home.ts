// The home of the member that makes clusters with join tokens: its SigKey owns them (A2).
import { join } from 'node:path';
import { loadMember, type Member, openMember, type RegCred } from '../client/index.ts';
import { registryIdOf } from '../client/statements.ts';
import { UsageError } from './client-flags.ts';
import { stateDirectory } from './member-place.ts';

/** No member has this name (T2). */
const DIRECTORY = '.creator';
const NAME = 'creator';

/** `home`, or the default beside the homes of members. Throws UsageError. */
export function creatorHome(home: string | undefined, regCred: RegCred): string {
  return home ?? join(stateDirectory(), 'xlreg', registryIdOf(regCred), DIRECTORY);
}

/** Opens the creator, with new keys if there is none. */
export async function openCreator(home: string): Promise<Member> {
  return await openMember(home, { name: NAME, endPoints: [] });
}

/** Loads the creator. Rejects with UsageError if there is none. */
export async function loadCreator(home: string): Promise<Member> {
  const member = await loadMember(home);
  if (member) return member;
  throw new UsageError(`--home: ${home} holds no keys; use the home of xlreg create, or --admin as the operator`);
}
