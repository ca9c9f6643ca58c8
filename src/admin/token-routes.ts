// The routes of admin tokens, for callers with the role admin: list, add, revoke, rotate.
import { z } from 'zod';
import { ADMIN_TOKEN_TTL_SECONDS_MAX } from '../limits.ts';
import type { HttpReply } from '../net/web-site.ts';
import { jsonReply, refusalReply } from '../net/web-site.ts';
import { isName } from '../wire/name.ts';
import { type AdminTokens, TokenRefusal } from './admin-tokens.ts';
import type { GuardedRoutes } from './authorise.ts';
import { jsonOf } from './json-of.ts';
import { ROLES } from './roles.ts';

const NEW_TOKEN = z.strictObject({
  name: z.string().refine(isName),
  role: z.enum(ROLES),
  ttlSeconds: z.int().min(1).max(ADMIN_TOKEN_TTL_SECONDS_MAX).optional(),
});

const STATUS = { 'token-exists': 409, 'token-unknown': 404, 'token-local': 409, 'tokens-full': 507 } as const;

/** The routes, by method and path. */
export function tokenRoutes(tokens: AdminTokens): GuardedRoutes {
  return new Map<
    string,
    (request: { body: Buffer }, parameters: Readonly<Record<string, string>>) => Promise<HttpReply>
  >([
    ['GET /api/tokens', async () => jsonReply(200, { tokens: tokens.list() })],
    [
      'POST /api/tokens',
      ({ body }) =>
        answer(async () => {
          const given = NEW_TOKEN.safeParse(jsonOf(body));
          if (!given.success) return badToken();
          const { name, role, ttlSeconds } = given.data;
          const { token, secret } = await tokens.add(name, role, ttlSeconds);
          return jsonReply(200, { ...token, token: secret });
        }),
    ],
    [
      'DELETE /api/tokens/{name}',
      (_, { name }) =>
        answer(async () => {
          await tokens.revoke(name!);
          return jsonReply(200, { done: true });
        }),
    ],
    [
      'POST /api/tokens/local/rotate',
      () =>
        answer(async () => {
          await tokens.rotateLocal();
          return jsonReply(200, { done: true });
        }),
    ],
  ]);
}

function badToken(): HttpReply {
  const most = ADMIN_TOKEN_TTL_SECONDS_MAX;
  const should = `{"name":…,"role":…} with one of ${ROLES.join(', ')}, and "ttlSeconds":1 to ${most} if wanted`;
  return refusalReply(400, 'bad-token', `the body should be ${should}`);
}

/** Turns a refusal, or a file that cannot be written, into its reply. */
async function answer(act: () => Promise<HttpReply>): Promise<HttpReply> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof TokenRefusal) return refusalReply(STATUS[error.code], error.code, error.message);
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    return refusalReply(507, 'cannot-store', `the tokens cannot be stored: ${code}`);
  }
}
