// xlreg store verify checks a whole table; xlreg store copy copies one. No server may use the table meanwhile.
import { verifyStore } from '../../store/verify.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { storeCopy } from '../copy/store-copy.ts';
import { whileUnused } from '../data-directory.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';

const ETCD_OPTIONS = {
  'etcd-prefix': { type: 'string' },
  'etcd-tls': { type: 'string' },
  'etcd-user': { type: 'string' },
  'etcd-password-file': { type: 'string' },
} as const;

export async function store(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args[0] === 'copy') {
    const { values, positionals } = readArguments(args, {
      positionals: ['copy', 'FROM', 'TO'],
      options: { ...DATA_DIRECTORY_FLAGS, ...ETCD_OPTIONS },
    });
    return await storeCopy(positionals[1]!, positionals[2]!, values, signal);
  }
  const { values, positionals } = readArguments(args, {
    positionals: ['verify'],
    options: DATA_DIRECTORY_FLAGS,
  });
  if (positionals[0] !== 'verify') throw new UsageError('xlreg store needs verify or copy');
  const { clients, clusters, members } = await whileUnused(dataDirectoryOf(values), verifyStore);
  process.stdout.write(`sound: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}
