// The clock of a load. It is an argument, so that tests can pass a virtual one.

/** A monotonic clock in milliseconds. */
export interface Clock {
  now(): number;
  /** Resolves at `time`. If it has passed, resolves after other ready callbacks have run. */
  until(time: number): Promise<void>;
}

/** The machine's clock. It wakes up to 1 ms late: spinning would be exact but take a core from the server. */
export const machineClock: Clock = {
  now: () => performance.now(),
  until: (time) =>
    new Promise((resolve) => {
      const wait = time - performance.now();
      if (wait > 0) setTimeout(resolve, wait);
      else setImmediate(resolve);
    }),
};
