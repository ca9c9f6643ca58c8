// A closed loop: a fixed number of connections, each of which starts a new unit of work when the last is done. It finds
// the highest rate. Its latencies never show overload, because it never asks for more than the server can do.
import type { Clock } from './clock.ts';
import type { Arrivals } from './load-order.ts';
import { runPatiently } from './patient.ts';
import type { Tally } from './tally.ts';

/** Runs up to `count` units of work within `secondsMax`. `run` receives the unit and its connection. */
export async function runClosedLoop(
  { connections, secondsMax = Infinity }: Arrivals & { mode: 'closed' },
  count: number,
  run: (unit: number, connection: number) => Promise<void>,
  tally: Tally,
  clock: Clock,
): Promise<void> {
  const end = clock.now() + secondsMax * 1_000;
  let next = 0;
  const loop = async (connection: number) => {
    for (let unit = next++; unit < count && clock.now() < end; unit = next++) {
      const began = clock.now();
      try {
        await runPatiently(() => run(unit, connection), tally, clock);
        tally.completed += 1;
        tally.latency.record(clock.now() - began);
      } catch (error) {
        tally.fail(error);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => loop(connection)));
}
