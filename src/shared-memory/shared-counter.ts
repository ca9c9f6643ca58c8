// Numbers in shared memory. Every thread allocates views of them in the same order. One thread writes a number, and any
// thread reads it without waiting. Every supported processor reads and writes an aligned number of 8 bytes whole.
// docs/explanation/concurrency.md has the memory-order argument.

import { HistogramBuckets } from './histogram-buckets.ts';
import { SharedThreadStats } from './shared-thread-stats.ts';

/** One number. */
export class SharedCounter {
  readonly #number: Float64Array<SharedArrayBuffer>;

  constructor(number: Float64Array<SharedArrayBuffer>) {
    this.#number = number;
  }

  get value(): number {
    return this.#number[0]!;
  }

  set value(value: number) {
    this.#number[0] = value;
  }
}

/** Allocates the numbers of a memory, all 0 at first. Throws RangeError at the memory's end. */
export class CounterAllocator {
  readonly #memory: SharedArrayBuffer;
  #at = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
  }

  counter(): SharedCounter {
    return new SharedCounter(this.#take(1));
  }

  histogram(bounds: readonly number[]): HistogramBuckets {
    return new HistogramBuckets(bounds, this.#take(HistogramBuckets.numbers(bounds)));
  }

  threadStats(): SharedThreadStats {
    const { byteOffset } = this.#take(SharedThreadStats.BYTES / Float64Array.BYTES_PER_ELEMENT);
    return new SharedThreadStats(this.#memory, byteOffset);
  }

  #take(count: number): Float64Array<SharedArrayBuffer> {
    const taken = new Float64Array(this.#memory, this.#at, count);
    this.#at += taken.byteLength;
    return taken;
  }
}
