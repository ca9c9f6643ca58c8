// A clock that advances only when everything waits: a load of minutes takes milliseconds, deterministically.
import type { Clock } from '../../bench/load/clock.ts';

export class VirtualClock implements Clock {
  #now = 0;
  #waiting: { readonly time: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  until(time: number): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ time: Math.max(time, this.#now), wake });
    });
  }

  /** Advances time until the work is done. Rejects if nothing waits any more. */
  async run(work: Promise<void>): Promise<void> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    for (;;) {
      // Let everything that is awake run as far as it can.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return settled;
      this.#waiting.sort((a, b) => a.time - b.time);
      const next = this.#waiting.shift();
      if (next === undefined) throw new Error('nothing waits, but the work is not done');
      this.#now = next.time;
      next.wake();
    }
  }
}
