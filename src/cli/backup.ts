// xlreg backup: a consistent copy of a running registry, keys included, in a directory of its own.
import { rm } from 'node:fs/promises';
import { verifyStore } from '../store/verify-store.ts';
import { readArguments } from './client-flags.ts';
import { copyRegistry, DATA_DIRECTORY } from './data-directory.ts';
import { OperatorError } from './operator-error.ts';

const ADMIN = '127.0.0.1:56791';

/** Asks the server for a copy of its table as it is at this moment, and puts it and the identity into DIR. */
export async function backup(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: { admin: { type: 'string', default: ADMIN }, 'data-dir': { type: 'string', default: DATA_DIRECTORY } },
  });
  const [to] = positionals as [string];
  const copy = await askForCopy(values.admin, signal);
  try {
    await copyRegistry(values['data-dir'], to, copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  const { clients, clusters, members } = await verifyStore(to);
  process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

/** The directory in which the server has put a copy. */
async function askForCopy(admin: string, signal: AbortSignal): Promise<string> {
  const answer = await fetch(`http://${admin}/backup`, { method: 'POST', signal }).catch((error: Error) => {
    throw new OperatorError(`no registry answers at ${admin}: ${String(error.cause ?? error.message)}`, 3);
  });
  const text = await answer.text();
  if (!answer.ok) throw new OperatorError(`the registry made no backup: ${text.trim()}`, 1);
  return (JSON.parse(text) as { directory: string }).directory;
}
