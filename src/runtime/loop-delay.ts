// How late the event loop of a thread is.

/** How often a timer looks. */
export const LOOP_PERIOD_MS = 20;
/** Seconds. */
export const LOOP_DELAY_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Observes, from now on, by how many seconds a timer of this thread is late. */
export function watchLoopDelay(delay: { observe(seconds: number): void }): void {
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - LOOP_PERIOD_MS) / 1000);
    last = now;
  }, LOOP_PERIOD_MS).unref();
}
