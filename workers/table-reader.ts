import { runTableReader } from '../src/store/lmdb/table-reader-thread.ts';

await runTableReader();
