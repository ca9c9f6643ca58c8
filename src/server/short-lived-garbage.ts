// How V8 collects the garbage of all threads. Theirs is small and short-lived, and sharing each collection of it out to
// helper threads costs more CPU than the collection itself: 60 to 90 us of a session's 1,000. Marking of what lives long,
// as the table does, stays concurrent, so that a large table makes no long pauses.
import { setFlagsFromString } from 'node:v8';

/** To be called before any other thread is started: the flags are the process's. */
export function collectInThread(): void {
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}
