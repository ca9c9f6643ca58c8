// Reads and verifies a table in a thread of its own while the coordinator replays it, which halves the load time of a
// large table.
import { on, once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { TABLE_PIECES_AHEAD_MAX } from '../../limits.ts';
import { threadUrl } from '../../runtime/thread-url.ts';
import { ReadAheadWindow } from '../../shared-memory/read-ahead-window.ts';
import { StoreUnusableError } from '../store.ts';
import { openTable } from './open-table.ts';
import { packTable } from './table-reader.ts';

interface TableReaderData {
  /** The table's directory. */
  readonly directory: string;
  /** Memory of a ReadAheadWindow. */
  readonly window: SharedArrayBuffer;
}

type Report =
  | { readonly kind: 'piece'; readonly piece: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'unusable'; readonly message: string };

/** Yields the pieces of a table that this process has open. Rejects as packTable throws. */
export async function* readAhead(directory: string): AsyncIterable<Uint8Array> {
  const memory = new SharedArrayBuffer(ReadAheadWindow.BYTES);
  const window = new ReadAheadWindow(memory, TABLE_PIECES_AHEAD_MAX);
  const worker = new Worker(threadUrl('table-reader'), {
    workerData: { directory, window: memory } satisfies TableReaderData,
    execArgv: [],
  });
  const exited = once(worker, 'exit');
  try {
    for await (const [report] of on(worker, 'message') as AsyncIterable<[Report]>) {
      if (report.kind === 'end') return;
      if (report.kind === 'unusable') throw new StoreUnusableError(report.message);
      window.taken();
      yield report.piece;
    }
  } finally {
    window.stop();
    await exited;
  }
}

/** Entry of the thread. */
export async function runTableReader(): Promise<void> {
  const { directory, window: memory } = workerData as TableReaderData;
  const window = new ReadAheadWindow(memory, TABLE_PIECES_AHEAD_MAX);
  const report = (message: Report, transfer: ArrayBuffer[] = []) => parentPort!.postMessage(message, transfer);
  const table = openTable(directory, true);
  const transaction = table.useReadTransaction();
  try {
    for (const piece of packTable(table, transaction)) {
      report({ kind: 'piece', piece }, [piece.buffer as ArrayBuffer]);
      if (!window.sent()) break;
    }
    report({ kind: 'end' });
  } catch (error) {
    if (!(error instanceof StoreUnusableError)) throw error;
    report({ kind: 'unusable', message: error.message });
  } finally {
    transaction.done();
    await table.close();
  }
}
