import { runTableReader } from '../src/store/table-reader-thread.ts';

await runTableReader();
