// A fence around writes: a deadline in shared memory. The thread that renews a lease moves the deadline; the thread that
// writes checks it before and after each commit. A stopped process thus finds its fence closed when it goes on.
//
// Memory order: one 64-bit word, written by one thread, accessed with Atomics only (sequentially consistent). Nothing else
// is published through it.
import { uptime } from 'node:os';

/** A wall clock that gains so much on the monotonic clock means a suspension, or was set. */
const GAIN_MS = 500;

/** What the two clocks of this thread showed when the boot's clock was read last. */
let read = { gain: Number.NaN, offset: 0 };

/**
 * Milliseconds since the boot, suspension included, to 10 ms; the same in all threads. The monotonic clock stands still
 * during a suspension, in which another machine may take a lease over. Reading the boot's clock costs some microseconds
 * more, so it is read again only when the wall clock says that there may have been one.
 */
export function bootMilliseconds(): number {
  const monotonic = performance.now();
  const gain = Date.now() - monotonic;
  // Negated, because the first comparison is with NaN.
  if (!(Math.abs(gain - read.gain) < GAIN_MS)) read = { gain, offset: uptime() * 1000 - monotonic };
  return monotonic + read.offset;
}

/** The word of a lease that is lost for good. No deadline is negative. */
const LOST = -1n;

/** Closed until `openUntil`; closes by itself at the deadline; stays closed after `lose`. */
export class Fence {
  /** For the constructor in another thread: 8 bytes. */
  readonly memory: SharedArrayBuffer;
  readonly #word: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#word = new BigInt64Array(memory);
  }

  /** Opens the fence until this time of `bootMilliseconds`. For the one thread that renews. */
  openUntil(deadline: number): void {
    if (Atomics.load(this.#word, 0) !== LOST) this.#set(BigInt(Math.floor(deadline)));
  }

  /** Closes the fence for good. For the one thread that renews. */
  lose(): void {
    this.#set(LOST);
  }

  /** Blocks this thread for up to so many milliseconds until the fence is open. Returns whether it is. */
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
