// What becomes of the garbage of all threads, which is short-lived.
import { type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';

/**
 * Has each thread collect it by itself. It is small, and sharing each collection out to helper threads costs more CPU than the
 * collection itself: 60 to 90 us of a session's 1,000. Marking of what lives long, as the table does, stays concurrent, so that
 * a large table makes no long pauses. To be called before any other thread is started: the flags are the process's.
 */
export function collectInThread(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}

const WORKING_MEMORY_OF_16_MB = { N: 16_384, r: 8, maxmem: 32 * 1_024 * 1_024 };

/**
 * Has malloc keep up to 32 MB that are free at the end of each thread's heap. glibc gives back what is beyond a bound, and takes
 * it again page by page: whether a worker does so at every collection is a matter of luck, and at rosters of 42 KB it takes a
 * fifth of the time. The bound is twice the largest block that has been mapped by itself and freed, 32 MB at most (mallopt(3),
 * M_MMAP_THRESHOLD); the working memory of an scrypt, 16 MB, is such a block, gone when it is done. That takes some
 * 50 ms, for which nobody need wait; with another malloc it changes nothing.
 * Rejects where no scrypt can be had.
 */
export async function keepFreedMemory(): Promise<void> {
  await promisify<string, string, number, ScryptOptions, Buffer>(scrypt)('', '', 1, WORKING_MEMORY_OF_16_MB);
}
