// Reads the admin token, as an operator does.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The token of the registry with this data directory. */
export function adminToken(dataDir: string): string {
  return readFileSync(join(dataDir, 'admin-token'), 'latin1').trim();
}
