// Measures the delay of a thread's event loop.

/** Period of the timer that measures. */
export const LOOP_PERIOD_MS = 20;
/** Bounds of the histogram buckets, in seconds. */
export const LOOP_DELAY_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Begins to observe the delay of a periodic timer of this thread, in seconds. Returns a function that ends it. */
export function watchLoopDelay(delay: { observe(seconds: number): void }): () => void {
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delay.observe(Math.max(0, now - last - LOOP_PERIOD_MS) / 1000);
    last = now;
  }, LOOP_PERIOD_MS).unref();
  return () => clearInterval(timer);
}
