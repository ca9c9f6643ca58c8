// A thread that reads and checks a table while another fills its own from it: of a large one, half of the time.
import { on, once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { threadUrl } from '../thread-url.ts';
import { openTable } from './open-table.ts';
import { StoreUnusableError } from './store.ts';
import { packTable } from './table-reader.ts';

interface TableReaderData {
  /** Of the table. */
  readonly directory: string;
  /** See AHEAD and STOPPED. */
  readonly state: Int32Array;
}

type Report =
  | { readonly kind: 'piece'; readonly piece: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'unusable'; readonly message: string };

/** In the state that the threads share: pieces sent and not yet taken, and whether more are wanted. */
const AHEAD = 0;
const STOPPED = 1;
const AHEAD_MAX = 64;

/** The pieces of a table that this process has open. Rejects as packTable throws. */
export async function* readAhead(directory: string): AsyncIterable<Uint8Array> {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(threadUrl('table-reader'), {
    workerData: { directory, state } satisfies TableReaderData,
    execArgv: [],
  });
  const exited = once(worker, 'exit');
  try {
    for await (const [report] of on(worker, 'message') as AsyncIterable<[Report]>) {
      if (report.kind === 'end') return;
      if (report.kind === 'unusable') throw new StoreUnusableError(report.message);
      Atomics.sub(state, AHEAD, 1);
      Atomics.notify(state, AHEAD);
      yield report.piece;
    }
  } finally {
    Atomics.store(state, STOPPED, 1);
    Atomics.store(state, AHEAD, 0);
    Atomics.notify(state, AHEAD);
    await exited;
  }
}

/** The thread itself. */
export async function runTableReader(): Promise<void> {
  const { directory, state } = workerData as TableReaderData;
  const report = (message: Report, transfer: ArrayBuffer[] = []) => parentPort!.postMessage(message, transfer);
  const table = openTable(directory, true);
  const transaction = table.useReadTransaction();
  try {
    for (const piece of packTable(table, transaction)) {
      report({ kind: 'piece', piece }, [piece.buffer as ArrayBuffer]);
      if (Atomics.add(state, AHEAD, 1) + 1 >= AHEAD_MAX) Atomics.wait(state, AHEAD, AHEAD_MAX);
      if (Atomics.load(state, STOPPED) === 1) break;
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
