// The time a load goes by: an argument, so that tests have one of their own.

/** Milliseconds that never go back. */
export interface Clock {
  now(): number;
  /** Resolves at that time, or, if it is past, after whatever else is ready has had its turn. */
  until(time: number): Promise<void>;
}

/** The machine's. It is late by up to a millisecond: spinning would be exact and take a core from the server. */
export const machineClock: Clock = {
  now: () => performance.now(),
  until: (time) =>
    new Promise((resolve) => {
      const wait = time - performance.now();
      if (wait > 0) setTimeout(resolve, wait);
      else setImmediate(resolve);
    }),
};
