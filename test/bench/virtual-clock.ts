// Time that passes only when everybody waits: a load of minutes takes milliseconds, the same way every time.
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

  /** Lets time pass until the work is done. */
  async run(work: Promise<void>): Promise<void> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    for (;;) {
      // Whoever has been woken goes as far as it can.
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return settled;
      this.#waiting.sort((a, b) => a.time - b.time);
      const next = this.#waiting.shift();
      if (next === undefined) throw new Error('nobody waits, and the work is not done');
      this.#now = next.time;
      next.wake();
    }
  }
}
