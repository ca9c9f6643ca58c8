// The scheduling priority of a thread. It matters if more threads are runnable than there are cores.
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * Lowers the priority of this thread by so many steps of `nice`. A free core still runs it at once. Works on Linux,
 * where threads have their own priority, and does nothing elsewhere. A process without privileges cannot undo it.
 */
export function lowerThreadPriority(steps: number): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(getPriority(thread) + steps, constants.priority.PRIORITY_LOW));
  } catch {
    // A failure costs CPU time only.
  }
}
