// xlreg restore: creates a data directory from a backup.
import { verifyStore } from '../../store/verify.ts';
import { readArguments } from '../client-flags.ts';
import { copyRegistry, whileUnused } from '../data-directory.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';

/** Verifies the backup in DIR, then copies it to an empty or missing data directory. Rejects with OperatorError. */
export async function restore(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: DATA_DIRECTORY_FLAGS,
  });
  const [from] = positionals as [string];
  const to = dataDirectoryOf(values);
  const { clients, clusters, members } = await whileUnused(from, verifyStore);
  await copyRegistry(from, to);
  process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}
