// Verifies a table in a process of its own, at a low priority. LMDB maps files into memory: a full disk or a mount that
// goes away kills the process that reads them there, and a server must survive both.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { TableCounts } from '../registry/table-contents.ts';
import { threadUrl } from '../runtime/thread-url.ts';
import { BackupError, TABLE_DIRECTORY, TABLE_FILE } from './registry-files.ts';

/** A table without a fault. */
export interface VerifiedTable {
  readonly counts: TableCounts;
  /** SHA-256 of its file, in hex. */
  readonly digest: string;
}

type Report = { readonly verified: VerifiedTable } | { readonly fault: string };

/**
 * Verifies the table in a directory that no other process uses. Rejects with BackupError at a damaged record, and with
 * an AbortError if the signal aborts. Takes about as much memory as the table of a server.
 */
export async function verifyInProcess(directory: string, signal: AbortSignal): Promise<VerifiedTable> {
  const program = fileURLToPath(threadUrl('table-verifier'));
  const child = spawn(process.execPath, [program, directory], {
    // It needs nothing of the environment, which may hold a password.
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  const [said, [code, killedBy]] = await Promise.all([text(child.stdout!), once(child, 'close')]);
  if (killedBy === 'SIGBUS') throw new BackupError(`${directory} cannot be read: its disk is full or gone (SIGBUS)`);
  if (code !== 0) throw new BackupError(`the verification of ${directory} ended with ${killedBy ?? code}`);
  const report = JSON.parse(said) as Report;
  if ('fault' in report) throw new BackupError(report.fault);
  return report.verified;
}

/** Entry of the process: verifies the table in its argument's directory, and prints the report. */
export async function runVerifier(): Promise<void> {
  // A failure costs the server CPU time only.
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {}
  process.stdout.write(JSON.stringify(await verify(process.argv[2]!)));
}

async function verify(directory: string): Promise<Report> {
  try {
    // The server, which imports this file too, loads no LMDB on its main thread.
    const { verifyStore } = await import('../store/verify.ts');
    const counts = await verifyStore(directory);
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(directory, TABLE_DIRECTORY, TABLE_FILE))) hash.update(piece);
    return { verified: { counts, digest: hash.digest('hex') } };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}
