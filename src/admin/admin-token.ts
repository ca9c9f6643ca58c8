// The admin token, which allows changes of the registry. Invariant: it is only in the data directory, which the
// server's user alone can read; no log line, error or URL contains it.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../runtime/atomic-file.ts';
import type { CallerFinder } from './authorise.ts';

/** The token's file in the data directory; mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/** Name of the token in this file. */
export const LOCAL_TOKEN = 'local';

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

/** Finds the local admin token, which has the role admin and does not expire. */
export function localToken(secret: string): CallerFinder {
  const expected = digest(secret);
  const caller = { name: LOCAL_TOKEN, role: 'admin', expires: undefined } as const;
  // Digests have equal lengths, so the comparison takes constant time.
  return { find: (given) => (timingSafeEqual(digest(given), expected) ? caller : undefined) };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
