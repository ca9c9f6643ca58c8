// Verifies a table in a thread of its own, at a low priority, so that a serving process keeps its pace.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { TableCounts } from '../registry/table-contents.ts';
import { lowerThreadPriority } from '../runtime/thread-priority.ts';
import { threadUrl } from '../runtime/thread-url.ts';
import { StoreUnusableError } from '../store/store.ts';
import { TABLE_DIRECTORY, TABLE_FILE } from './registry-files.ts';

/** A table without a fault. */
export interface VerifiedTable {
  readonly counts: TableCounts;
  /** SHA-256 of its file, in hex. */
  readonly digest: string;
}

type Report = { readonly verified: VerifiedTable } | { readonly fault: string };

/** Steps of `nice`: every other thread runs first. */
const PRIORITY_STEPS = 10;

/**
 * Verifies the table in a directory that no other process uses. Rejects with StoreUnusableError at a damaged record,
 * and with the signal's reason if it aborts. Takes about as much memory as the table of a server.
 */
export async function verifyInThread(directory: string, signal: AbortSignal): Promise<VerifiedTable> {
  signal.throwIfAborted();
  const worker = new Worker(threadUrl('table-verifier'), { workerData: directory, execArgv: [] });
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  const ended = once(worker, 'exit').then(() => {
    throw new StoreUnusableError(`the verification of ${directory} ended early`);
  });
  ended.catch(() => {});
  try {
    const [report] = (await Promise.race([once(worker, 'message'), ended])) as [Report];
    if ('fault' in report) throw new StoreUnusableError(report.fault);
    return report.verified;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Entry of the thread. */
export async function runVerifier(): Promise<void> {
  lowerThreadPriority(PRIORITY_STEPS);
  const directory = workerData as string;
  const report = (message: Report) => parentPort!.postMessage(message);
  try {
    // The main thread, which imports this file too, needs no LMDB.
    const { verifyStore } = await import('../store/verify.ts');
    const counts = await verifyStore(directory);
    const hash = createHash('sha256');
    for await (const piece of createReadStream(join(directory, TABLE_DIRECTORY, TABLE_FILE))) hash.update(piece);
    report({ verified: { counts, digest: hash.digest('hex') } });
  } catch (error) {
    report({ fault: (error as Error).message });
  }
}
