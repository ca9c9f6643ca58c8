// An open loop: units of work begin when they are due, not when others are done, and each is timed from when it was due. A
// server that stalls is seen to stall by everyone who would have come meanwhile; a closed loop would not even send them.
import type { Clock } from './clock.ts';
import type { Arrivals } from './load-order.ts';
import { runPatiently } from './patient.ts';
import type { Tally } from './tally.ts';

/** Units that may begin, where many are due at once, before others get a turn. */
const BURST = 8;

/** Begins `count` units of work as they are due; resolves when all of them have settled. */
export async function runOpenLoop(
  arrivals: Arrivals & { mode: 'open' },
  count: number,
  run: (unit: number) => Promise<void>,
  tally: Tally,
  clock: Clock,
): Promise<void> {
  const gap = gaps(arrivals);
  const underWay = new Set<Promise<void>>();
  let due = clock.now();
  for (let unit = 0; unit < count; unit++) {
    due += gap();
    if (due > clock.now() || unit % BURST === 0) await clock.until(due);
    if (underWay.size >= arrivals.inFlightMax) {
      tally.dropped += 1;
      continue;
    }
    tally.lateness.record(clock.now() - due);
    const settled = timed(() => run(unit), due, tally, clock).finally(() => underWay.delete(settled));
    underWay.add(settled);
  }
  await Promise.all(underWay);
}

async function timed(run: () => Promise<void>, due: number, tally: Tally, clock: Clock): Promise<void> {
  try {
    await runPatiently(run, tally, clock);
    tally.completed += 1;
    tally.latency.record(clock.now() - due);
  } catch (error) {
    tally.fail(error);
  }
}

/** Milliseconds from one arrival to the next. */
function gaps({ rate, spacing, seed }: Arrivals & { mode: 'open' }): () => number {
  const mean = 1_000 / rate;
  if (spacing === 'even') return () => mean;
  const random = seededRandom(seed);
  return () => -Math.log(1 - random()) * mean;
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
