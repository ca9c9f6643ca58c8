// xlreg restore: creates a data directory from a backup.
import { verifyStore } from '../../store/verify.ts';
import { readArguments } from '../client-flags.ts';
import { copyRegistry, DATA_DIRECTORY, whileUnused } from '../data-directory.ts';

/** Verifies the backup in DIR, then copies it to an empty or missing data directory. Rejects with OperatorError. */
export async function restore(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: { 'data-dir': { type: 'string', default: DATA_DIRECTORY } },
  });
  const [from] = positionals as [string];
  const { clients, clusters, members } = await whileUnused(from, verifyStore);
  await copyRegistry(from, values['data-dir']);
  process.stdout.write(`${values['data-dir']}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}
