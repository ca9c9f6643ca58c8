// Numbers in shared memory, dealt out in an order that all threads keep to: each has views of its own of the same numbers. One
// thread writes a number, any may read it, and none waits for another. An aligned number of 8 bytes is read and written whole
// on every processor that the runtime is made for.

import { HistogramBuckets } from './histogram-buckets.ts';
import { SharedThreadStats } from './shared-thread-stats.ts';

/** A number, as any thread sees it. */
export class SharedCounter {
  readonly #place: Float64Array<SharedArrayBuffer>;

  constructor(place: Float64Array<SharedArrayBuffer>) {
    this.#place = place;
  }

  get value(): number {
    return this.#place[0]!;
  }

  set value(value: number) {
    this.#place[0] = value;
  }
}

/** Deals out the numbers of a memory, all 0 at first; throws RangeError when there are no more. */
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
