// The description of a join token (A) that goes to a registry, which learns the hash only.
import { type JoinTokenSpec, requireJoinToken } from '../client/join-token-text.ts';
import { sha256 } from './bytes.ts';
import type { TokenSpec } from './messages.ts';

/** The description of a token. Rejects with TypeError. */
export async function specOf({ token, ...spec }: JoinTokenSpec): Promise<TokenSpec> {
  return { hash: await sha256(requireJoinToken(token)), ...spec };
}
