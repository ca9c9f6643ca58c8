// xlreg store verify checks a whole table; xlreg store copy copies one. No server may use the table meanwhile.
import { verifyStore } from '../../store/verify.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { storeCopy } from '../copy/store-copy.ts';
import { whileUnused } from '../data-directory.ts';
import type { JsonForm } from '../json-forms.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';
import { printJson } from '../print.ts';

const FLAGS = { ...DATA_DIRECTORY_FLAGS, json: { type: 'boolean' } } as const;

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
      options: { ...FLAGS, ...ETCD_OPTIONS },
    });
    const { json, ...etcd } = values;
    const copy = await storeCopy(positionals[1]!, positionals[2]!, etcd, signal);
    if (json) printJson('store-copy', copy);
    else printCopy(copy);
    return 0;
  }
  const { values, positionals } = readArguments(args, {
    positionals: ['verify'],
    options: FLAGS,
  });
  if (positionals[0] !== 'verify') throw new UsageError('xlreg store needs verify or copy');
  const directory = dataDirectoryOf(values);
  const { clients, clusters, members } = await whileUnused(directory, verifyStore);
  if (values.json) printJson('store-verify', { directory, clients, clusters, members });
  else process.stdout.write(`sound: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

function printCopy({ from, to, clients, clusters, members, digest, advice }: JsonForm<'store-copy'>): void {
  process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members, the same as ${from}\n`);
  process.stdout.write(`SHA-256 of both: ${digest}\n`);
  if (advice !== null) process.stdout.write(`${advice}\n`);
}
