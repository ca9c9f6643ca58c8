// The flags of join tokens. Invariant: no message has the text of a token, and no process title keeps it.
import { createJoinToken, type JoinTokenSpec, type SessionDialect } from '../client/index.ts';
import { joinTokenBytes } from '../client/join-token-text.ts';
import { JOIN_TOKEN_USES_MAX } from '../limits.ts';
import { count, lifetimeSeconds, name, UsageError } from './client-flags.ts';

/** The flags that describe a new token. */
export const JOIN_TOKEN_FLAGS = {
  uses: { type: 'string' },
  ttl: { type: 'string' },
  for: { type: 'string' },
  replace: { type: 'boolean' },
  observer: { type: 'boolean' },
} as const;

/** Their values. */
export interface JoinTokenFlags {
  readonly uses?: string | undefined;
  readonly ttl?: string | undefined;
  readonly for?: string | undefined;
  readonly replace?: boolean | undefined;
  readonly observer?: boolean | undefined;
}

/** Makes a new token as the flags say. Throws UsageError. */
export function newJoinToken(flags: JoinTokenFlags): JoinTokenSpec {
  const { replace = false, observer = false } = flags;
  const forName = flags.for === undefined ? undefined : name('--for', flags.for);
  if (replace && forName === undefined) throw new UsageError('--replace needs --for');
  if (observer && (replace || flags.uses !== undefined)) {
    throw new UsageError('--observer takes no seat and burns no use: leave out --uses and --replace');
  }
  // A name has one seat, and whoever is admitted returns without a token.
  const uses = flags.uses === undefined ? (forName === undefined ? undefined : 1) : count('--uses', flags.uses);
  if (uses !== undefined && (uses < 1 || uses > JOIN_TOKEN_USES_MAX)) {
    throw new UsageError(`--uses should be 1 to ${JOIN_TOKEN_USES_MAX}`);
  }
  const ttlMs = flags.ttl === undefined ? undefined : lifetimeSeconds('--ttl', flags.ttl) * 1_000;
  return { token: createJoinToken(), uses, ttlMs, forName, replace, observer };
}

/** True if any of these flags is given. */
export function describesToken(flags: JoinTokenFlags): boolean {
  return Object.keys(JOIN_TOKEN_FLAGS).some((flag) => flags[flag as keyof JoinTokenFlags] !== undefined);
}

/**
 * The token of --token, else of XLREG_TOKEN. Replaces the command line that other users of the machine see by `title`.
 * Throws UsageError.
 */
export function givenJoinToken(flag: string | undefined, dialect: SessionDialect, title: string): string | undefined {
  if (flag !== undefined) process.title = title;
  const text = flag ?? (process.env.XLREG_TOKEN || undefined);
  if (text === undefined) return undefined;
  const from = flag === undefined ? 'XLREG_TOKEN' : '--token';
  if (joinTokenBytes(text) === undefined) throw new UsageError(`${from} has no join token: it begins with xlj_`);
  if (dialect !== 'sealed') throw new UsageError(`${from}: a join token needs --dialect sealed`);
  return text;
}
