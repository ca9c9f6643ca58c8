// An open loop: units of work start when they are due, independent of earlier ones, and latency counts from that time.
// A stall of the server thus delays every unit due meanwhile. A closed loop would not even send those units.
import type { Clock } from './clock.ts';
import type { Arrivals } from './load-order.ts';
import { runPatiently } from './patient.ts';
import type { Tally } from './tally.ts';

/** Overdue units that may start before other callbacks get a turn. */
const BURST = 8;

/** Starts `count` units of work when they are due. Resolves when all have settled. */
export async function runOpenLoop(
  arrivals: Arrivals & { mode: 'open' },
  count: number,
  run: (unit: number) => Promise<void>,
  tally: Tally,
  clock: Clock,
): Promise<void> {
  const gap = gaps(arrivals);
  const pending = new Set<Promise<void>>();
  let due = clock.now();
  for (let unit = 0; unit < count; unit++) {
    due += gap();
    if (due > clock.now() || unit % BURST === 0) await clock.until(due);
    if (pending.size >= arrivals.inFlightMax) {
      tally.dropped += 1;
      continue;
    }
    tally.lateness.record(clock.now() - due);
    const settled = timed(() => run(unit), due, tally, clock).finally(() => pending.delete(settled));
    pending.add(settled);
  }
  await Promise.all(pending);
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

/** Returns a source of gaps between arrivals, in milliseconds. */
function gaps({ rate, spacing, seed }: Arrivals & { mode: 'open' }): () => number {
  const mean = 1_000 / rate;
  if (spacing === 'even') return () => mean;
  const random = seededRandom(seed);
  return () => -Math.log(1 - random()) * mean;
}

/** A seeded pseudo-random source of numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
