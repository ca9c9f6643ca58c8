// Thread entry of the reader that loads an lmdb table at the start.
import { runTableReader } from '../src/store/lmdb/table-reader-thread.ts';

await runTableReader();
