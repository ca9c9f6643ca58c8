// Retries units of work whose Hello the server turned away. A registry bounds the waiting Hellos, so 128 connections
// that start at once can exceed the bound of two workers on a slow machine.
import { HelloRefused } from '../../src/client/errors.ts';
import type { Clock } from './clock.ts';
import type { Tally } from './tally.ts';

const PAUSE_MS = 10;
/** After so many tries the cause is probably not overload but another comms key. */
const TRIES_MAX = 200;

/** Runs a unit of work. Each time its Hello is turned away, counts that and runs it again after PAUSE_MS. */
export async function runPatiently(run: () => Promise<void>, tally: Tally, clock: Clock): Promise<void> {
  for (let left = TRIES_MAX - 1; ; left--) {
    try {
      return await run();
    } catch (error) {
      if (left === 0 || !(error instanceof HelloRefused)) throw error;
    }
    tally.turnedAway += 1;
    await clock.until(clock.now() + PAUSE_MS);
  }
}
