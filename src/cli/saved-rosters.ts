// Saves rosters to files, and warns of a registry that was restored from a backup.
import { basename, dirname } from 'node:path';
import type { SavedRoster } from '../client/index.ts';
import { writeSharedDurably } from '../runtime/atomic-file.ts';
import { UsageError } from './client-flags.ts';

/** The mode of a saved roster: its contents are public. */
const MODE = 0o644;

/** Writes a saved roster atomically. Rejects with UsageError. */
export async function writeSavedRoster(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeSharedDurably(dirname(path), basename(path), Buffer.from(bytes).toString('latin1'), MODE);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`--save: ${path} cannot be written: ${code ?? message}`);
  }
}

/** Warns on stderr if the term of the roster is higher than the one seen before. */
export function warnOfRestore(command: string, { cluster, term, epoch, restoredFrom }: SavedRoster): void {
  if (!restoredFrom) return;
  const before = `term ${restoredFrom.term}, epoch ${restoredFrom.epoch}`;
  process.stderr.write(
    `xlreg ${command}: the registry of ${cluster} was restored from a backup: ${before} was seen, and this is ` +
      `term ${term}, epoch ${epoch}. Changes after the backup are lost\n`,
  );
}
