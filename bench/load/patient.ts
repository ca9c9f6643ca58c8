// What a client does whose Hello is turned away: it comes again. A registry bounds the work that Hellos may wait for, so where
// an RSA operation takes a millisecond 128 connections that begin at once are more than two workers let in.
import { HelloRefused } from '../../src/client/errors.ts';
import type { Clock } from './clock.ts';
import type { Tally } from './tally.ts';

const PAUSE_MS = 10;
/** Turned away as often as that, it is not for want of room: the comms key may be another one. */
const TRIES_MAX = 200;

/** Runs a unit of work, and again from its beginning as long as its Hello is turned away, which is counted. */
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
