// A thread's place in the queue for a core, where there are fewer cores than threads that have something to do.
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Lets the other threads go first, by so many steps of `nice`; a free core is taken at once as before. Linux gives each thread a
 * priority of its own; where the system does not, nothing changes. A process without privileges cannot take it back.
 */
export function lowerThreadPriority(steps: number): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(getPriority(thread) + steps, constants.priority.PRIORITY_LOW));
  } catch {
    // It costs CPU, and nothing else.
  }
}
