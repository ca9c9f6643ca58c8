// xlreg backup: makes a consistent copy of a running registry, with its keys, in a new directory.
import { rm } from 'node:fs/promises';
import { verifyStore } from '../../store/verify.ts';
import { ADMIN_FLAGS, type AdminPort, adminPort, askAdmin } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import { copyRegistry, whileUnused } from '../data-directory.ts';

/**
 * Makes the server copy its table, and copies it and the identity into DIR. Rejects with UsageError or OperatorError.
 */
export async function backup(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: ADMIN_FLAGS,
  });
  const [to] = positionals as [string];
  const port = await adminPort(values);
  const copy = await requestCopy(port, signal);
  try {
    await copyRegistry(port.dataDir, to, copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  const { clients, clusters, members } = await whileUnused(to, verifyStore);
  process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

/** Makes the server copy its table. Resolves to the directory of the copy. */
async function requestCopy(port: AdminPort, signal: AbortSignal): Promise<string> {
  return ((await askAdmin(port, 'POST /backup', 'made no backup', signal)) as { directory: string }).directory;
}
