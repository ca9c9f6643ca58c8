// xlreg backup: makes a consistent copy of a running registry, with its keys, in a new directory or as a stream.
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { isatty } from 'node:tty';
import { z } from 'zod';
import { copyRegistry } from '../../backup/registry-files.ts';
import { verifyStore } from '../../store/verify.ts';
import { ADMIN_FLAGS, type AdminPort, adminPort, askAdmin, callAdmin } from '../admin-port.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { whileUnused } from '../data-directory.ts';
import { OperatorError } from '../operator-error.ts';
import { printJson } from '../print.ts';

const STDOUT = 1;

/**
 * Makes the server copy its table, and copies it and the identity into DIR; with `-` writes the server's stream to
 * stdout. Rejects with UsageError, OperatorError or BackupError.
 */
export async function backup(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['DIR'],
    options: { ...ADMIN_FLAGS, json: { type: 'boolean' } },
  });
  const [to] = positionals as [string];
  if (to === '-' && values.json) throw new UsageError('--json: the output is the backup; pass a directory');
  const port = await adminPort(values);
  if (to === '-') return await streamBackup(port, signal);
  const copy = await requestCopy(port, signal);
  try {
    await copyRegistry(port.dataDir, to, copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  const { clients, clusters, members } = await whileUnused(to, verifyStore);
  if (values.json) printJson('backup', { directory: to, clients, clusters, members });
  else process.stdout.write(`${to}: ${clients} clients, ${clusters} clusters, ${members} members\n`);
  return 0;
}

/** Makes the server copy its table. Resolves to the directory of the copy. */
async function requestCopy(port: AdminPort, signal: AbortSignal): Promise<string> {
  const form = z.looseObject({ directory: z.string() });
  return (await askAdmin(port, 'POST /backup', 'made no backup', form, signal)).directory;
}

async function streamBackup(port: AdminPort, signal: AbortSignal): Promise<number> {
  if (isatty(STDOUT)) throw new UsageError('a backup is not for a terminal: add > FILE or | COMMAND');
  const archive = await callAdmin(port, 'POST /api/backup', 'made no backup', signal);
  // The catch says that the backup is incomplete.
  process.stdout.removeAllListeners('error');
  try {
    await pipeline(archive, process.stdout, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EPIPE' ? 'nobody reads the output any more' : message;
    throw new OperatorError(`the backup is incomplete: ${why}`, 1);
  }
  return 0;
}
