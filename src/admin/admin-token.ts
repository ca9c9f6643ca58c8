// The local admin token: it has the role admin, does not expire, and is in a file of the data directory, which the
// server's user alone can read. Invariant: no log line, error or URL contains it.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from '../runtime/atomic-file.ts';

/** The token's file in the data directory; mode 0600. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/** Name of the token in this file. */
export const LOCAL_TOKEN = 'local';

/** 256 bits, which nobody can guess; a fast hash therefore protects them. */
const TOKEN_BYTES = 32;

/** Makes the secret of a new token. */
export function newSecret(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The hash by which the server knows a secret: SHA-256 in hex. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Reads the local token, or creates it if there is none. */
export async function openAdminToken(dataDirectory: string): Promise<string> {
  const path = join(dataDirectory, ADMIN_TOKEN_FILE);
  if (!existsSync(path)) await renewAdminToken(dataDirectory);
  return (await readFile(path, 'utf8')).trim();
}

/** Replaces the local token. Resolves to the new one. */
export async function renewAdminToken(dataDirectory: string): Promise<string> {
  const secret = newSecret();
  await writeDurably(dataDirectory, ADMIN_TOKEN_FILE, `${secret}\n`, 0o600);
  return secret;
}
