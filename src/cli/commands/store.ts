// xlreg store verify checks a whole table; xlreg store copy copies one. No server may use the table meanwhile.
import { verifyStore } from '../../store/verify.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { storeCopy } from '../copy/store-copy.ts';
import { DATA_DIRECTORY, whileUnused } from '../data-directory.ts';

const ETCD_OPTIONS = {
  'etcd-prefix': { type: 'string' },
  'etcd-tls': { type: 'string' },
  'etcd-user': { type: 'string' },
  'etcd-password-file': { type: 'string' },
} as const;
const ETCD_SETTINGS = Object.keys(ETCD_OPTIONS) as (keyof typeof ETCD_OPTIONS)[];

export async function store(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args[0] === 'copy') {
    const { values, positionals } = readArguments(args, {
      positionals: ['copy', 'FROM', 'TO'],
      options: { 'data-dir': { type: 'string', default: DATA_DIRECTORY }, ...ETCD_OPTIONS },
    });
    const settings = ETCD_SETTINGS.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
    return await storeCopy(positionals[1]!, positionals[2]!, { dataDir: values['data-dir'], settings }, signal);
  }
  const { values, positionals } = readArguments(args, {
    positionals: ['verify'],
    options: { 'data-dir': { type: 'string', default: DATA_DIRECTORY } },
  });
  if (positionals[0] !== 'verify') throw new UsageError('xlreg store needs verify or copy');
  const { clients, clusters, members } = await whileUnused(values['data-dir'], verifyStore);
  process.stdout.write(`sound: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}
