// The admin token, which allows changes of the registry. Invariant: it is only in the data directory, which the
// server's user alone can read; no log line, error or URL contains it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HttpReply, type HttpRoutes, plainReply } from '../net/web-site.ts';
import { writeDurably } from '../runtime/atomic-file.ts';

/** The token's file in the data directory; mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';

const TOKEN_BYTES = 32;

/** Reads the admin token, or creates it if there is none. */
export async function openAdminToken(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  if (!existsSync(path)) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    await writeDurably(dataDirectory, ADMIN_TOKEN_FILE, `${token}\n`, 0o600);
  }
  return (await readFile(path, 'utf8')).trim();
}

/** Wraps routes so that they reply 401 to a request without the present admin token. */
export function withToken(token: () => string, routes: HttpRoutes): HttpRoutes {
  const refused: HttpReply = {
    ...plainReply(401, 'the admin token is missing or wrong'),
    headers: { 'www-authenticate': 'Bearer' },
  };
  return new Map(
    [...routes].map(([route, handler]) => [
      route,
      (request, parameters) => {
        // Digests have equal lengths, so the comparison takes constant time.
        const given = digest(request.header('authorization'));
        return timingSafeEqual(given, digest(`Bearer ${token()}`)) ? handler(request, parameters) : refused;
      },
    ]),
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
