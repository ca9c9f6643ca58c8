// A data directory for a second server of a registry, made as docs/how-to/several-servers.md says.
import { copyFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Copies ID and keys alone to a new directory, which the caller removes. */
export async function copyIdentity(from: string): Promise<string> {
  const to = await mkdtemp(join(tmpdir(), 'xlreg-second-'));
  for (const file of ['id', 'ck.pem', 'sk.pem']) await copyFile(join(from, file), join(to, file));
  return to;
}
