// Tunes garbage collection and malloc for short-lived garbage in every thread.
import { type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';

/**
 * Makes each thread collect its young garbage alone. There is little of it, and helper threads would cost more CPU than
 * the collection itself. Marking of old objects stays concurrent, so that a large table makes no long pauses. Must be
 * called before any other thread starts, since the flags hold for the process.
 */
export function collectInThread(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}

const WORKING_MEMORY_OF_16_MB = { N: 16_384, r: 8, maxmem: 32 * 1_024 * 1_024 };

/**
 * Makes malloc keep up to 32 MB of free memory at the end of each thread's heap. glibc returns memory above its trim
 * threshold to the system, and later faults it in again page by page. A worker may do so at every collection. The
 * threshold is twice the largest mapped block that was ever freed, at most 32 MB (mallopt(3), M_MMAP_THRESHOLD). The
 * working memory of one scrypt is such a block of 16 MB. The scrypt takes tens of milliseconds in the background.
 * Another malloc ignores all this. Rejects if scrypt fails.
 */
export async function keepFreedMemory(): Promise<void> {
  await promisify<string, string, number, ScryptOptions, Buffer>(scrypt)('', '', 1, WORKING_MEMORY_OF_16_MB);
}
