// xlreg backup: a consistent copy of a running registry, keys included, in a directory of its own.
import { rm } from 'node:fs/promises';
import { verifyStore } from '../../store/verify.ts';
import { ADMIN_FLAGS, type AdminPort, adminPort, askAdmin } from '../admin-port.ts';
import { readArguments } from '../client-flags.ts';
import { copyRegistry, whileUnused } from '../data-directory.ts';

/** Asks the server for a copy of its table as it is at this moment, and puts it and the identity into DIR. */
export async function backup(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: ADMIN_FLAGS,
  });
  const [to] = positionals as [string];
  const copy = await askForCopy(await adminPort(values), signal);
  try {
    await copyRegistry(values['data-dir'], to, copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  const { clients, clusters, members } = await whileUnused(to, verifyStore);
  process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

/** The directory in which the server has put a copy. */
async function askForCopy(port: AdminPort, signal: AbortSignal): Promise<string> {
  return ((await askAdmin(port, 'POST /backup', 'made no backup', signal)) as { directory: string }).directory;
}
