// The routes of the join tokens of a cluster (A7), for operators.
import { z } from 'zod';
import { JOIN_TOKEN_TTL_MS_MAX, JOIN_TOKEN_USES_MAX } from '../limits.ts';
import type { OperatorCommand, Reply } from '../registry/command.ts';
import type { TokenSpec } from '../registry/join-token-spec.ts';
import { isName } from '../wire/name.ts';
import { jsonOf } from './json-of.ts';

const HASH = /^[0-9a-f]{64}$/;

/** The body of a request to add a token. */
const NEW_JOIN_TOKEN = z
  .strictObject({
    hash: z.string().regex(HASH),
    uses: z.int().min(1).max(JOIN_TOKEN_USES_MAX).optional(),
    ttlMs: z.int().min(1).max(JOIN_TOKEN_TTL_MS_MAX).optional(),
    forName: z.string().refine(isName).optional(),
    replace: z.boolean().default(false),
    observer: z.boolean().default(false),
  })
  .refine(({ replace, observer, forName }) => !replace || (!observer && forName !== undefined));

type TokensCommand = OperatorCommand & { readonly kind: 'operate-tokens' };
type Changes = Partial<Pick<TokensCommand, 'add' | 'revoke'>>;

/** The command that changes or lists the tokens of a cluster. */
export function tokensCommand(
  cluster: TokensCommand['cluster'],
  { add = [], revoke = [] }: Changes = {},
): TokensCommand {
  return { kind: 'operate-tokens', cluster, add, revoke, time: Date.now() };
}

/** The token that a body describes; undefined if it is wrong. */
export function joinTokenOf(body: Buffer): TokenSpec | undefined {
  const parsed = NEW_JOIN_TOKEN.safeParse(jsonOf(body));
  if (!parsed.success) return undefined;
  const { hash, uses, ttlMs = 0, forName, replace, observer } = parsed.data;
  return { hash, uses, ttlMs, forName, ...(replace && { replace }), ...(observer && { observer }) };
}

/** True for the hash of a token. */
export function isTokenHash(text: string): boolean {
  return HASH.test(text);
}

/** The tokens as JSON. */
export function describeTokens({ tokens }: Reply & { readonly kind: 'tokens' }) {
  return {
    tokens: tokens.map(({ hash, uses, left, ttlMs, forName, replace = false, observer = false }) => {
      return { hash, uses, left, ...(ttlMs !== undefined && { ttlMs: Math.round(ttlMs) }), forName, replace, observer };
    }),
  };
}
