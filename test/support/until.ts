// Waiting for what nothing announces.
import { setTimeout as pause } from 'node:timers/promises';

/** Who looked all the time would take a core from what it waits for. */
const EVERY_MS = 10;

/** Resolves when it is so. A test that runs out of time meanwhile has failed; it looks on until its file is done. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(EVERY_MS);
}
