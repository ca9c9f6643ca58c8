// Compares costs without absolute times. The fastest of several tries is the cost of the code itself, on a busy machine
// too.

const TRIES = 7;

/** CPU time in milliseconds of the fastest of several tries, each of this many runs. */
export function fastest(times: number, run: () => unknown): number {
  let best = Infinity;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const started = process.cpuUsage();
    for (let i = 0; i < times; i++) run();
    const { user, system } = process.cpuUsage(started);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}
