// Comparing costs without a clock's absolute word: the fastest of several tries is what the code itself takes, whatever
// else the machine does meanwhile.

const TRIES = 7;

/** Milliseconds of the fastest of several tries to do this so many times. */
export function fastest(times: number, run: () => unknown): number {
  let best = Infinity;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const started = performance.now();
    for (let i = 0; i < times; i++) run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
