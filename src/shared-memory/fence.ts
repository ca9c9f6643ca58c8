// A fence around writes: a deadline in shared memory. The thread that renews a lease moves the deadline. The thread
// that writes checks the deadline before and after each commit. So a process that was stopped finds its fence closed.
//
// Memory order: one 64-bit word, written by one thread, accessed with Atomics only (sequentially consistent). Nothing
// else is published through it.
import { uptime } from 'node:os';

/**
 * A wall clock that gains this much on the monotonic clock means that the machine was suspended or the clock was set.
 */
const GAIN_MS = 500;

/** Differences between this thread's clocks at the last read of the boot clock. */
let read = { gain: Number.NaN, offset: 0 };

/**
 * Milliseconds since boot, suspension included, accurate to 10 ms and the same in all threads. The monotonic clock
 * stands still during a suspension, in which another machine may take over a lease. The boot clock costs microseconds
 * to read, so this reads it again only if the wall clock hints at a suspension.
 */
export function bootMilliseconds(): number {
  const monotonic = performance.now();
  const gain = Date.now() - monotonic;
  // Negated because the first comparison is with NaN.
  if (!(Math.abs(gain - read.gain) < GAIN_MS)) read = { gain, offset: uptime() * 1000 - monotonic };
  return monotonic + read.offset;
}

/** Word of a lease that is lost for good. No deadline is negative. */
const LOST = -1n;

/** Closed before `openUntil` and after the deadline. Stays closed after `lose`. */
export class Fence {
  /** 8 bytes, for the constructor in another thread. */
  readonly memory: SharedArrayBuffer;
  readonly #word: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#word = new BigInt64Array(memory);
  }

  /** Opens the fence until `deadline`, a time of `bootMilliseconds`. Only the renewing thread may call it. */
  openUntil(deadline: number): void {
    if (Atomics.load(this.#word, 0) !== LOST) this.#set(BigInt(Math.floor(deadline)));
  }

  /** Closes the fence for good. Only the renewing thread may call it. */
  lose(): void {
    this.#set(LOST);
  }

  /** Blocks this thread until the fence is open, for at most `milliseconds`. Returns whether the fence is open. */
  waitOpen(milliseconds: number): boolean {
    const end = bootMilliseconds() + milliseconds;
    for (;;) {
      const word = Atomics.load(this.#word, 0);
      if (word === LOST) return false;
      const now = bootMilliseconds();
      if (Number(word) > now) return true;
      if (now >= end) return false;
      Atomics.wait(this.#word, 0, word, end - now);
    }
  }

  #set(word: bigint): void {
    Atomics.store(this.#word, 0, word);
    Atomics.notify(this.#word, 0);
  }
}
