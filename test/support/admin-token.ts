// What the admin port's API asks for, as an operator finds it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The token of the registry that has this data directory. */
export function adminToken(dataDir: string): string {
  return readFileSync(join(dataDir, 'admin-token'), 'latin1').trim();
}
