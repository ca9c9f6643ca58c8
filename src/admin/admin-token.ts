// The secret of the admin port: who has it may change the registry. It is in the data directory, which only the server's
// own user can read, and nowhere else: no log, no error and no URL has it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HttpReply, type HttpRoutes, plainReply } from '../net/web-site.ts';
import { writeDurably } from '../runtime/atomic-file.ts';

/** Its file in the data directory, of mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';

const TOKEN_BYTES = 32;

/** The token of a registry, made if there is none yet. */
export async function openAdminToken(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  if (!existsSync(path)) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    await writeDurably(dataDirectory, ADMIN_TOKEN_FILE, `${token}\n`, 0o600);
  }
  return (await readFile(path, 'utf8')).trim();
}

/** The same routes for those only who send the token. */
export function withToken(token: string, routes: HttpRoutes): HttpRoutes {
  const expected = digest(`Bearer ${token}`);
  const refused: HttpReply = {
    ...plainReply(401, 'the token is missing or wrong'),
    headers: { 'www-authenticate': 'Bearer' },
  };
  return new Map(
    [...routes].map(([route, handler]) => [
      route,
      (request, parameters) => {
        // Digests are equally long, so that comparing takes the same time whatever was sent.
        const given = digest(request.header('authorization'));
        return timingSafeEqual(given, expected) ? handler(request, parameters) : refused;
      },
    ]),
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
