// Polls for conditions that no event announces.
import { setTimeout as pause } from 'node:timers/promises';

/** A busy loop would take a core from the code under test. */
const EVERY_MS = 10;

/** Resolves when the condition holds. After a test's timeout it polls on until its file ends. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(EVERY_MS);
}
