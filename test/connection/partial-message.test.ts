// When a message in segments is examined: often enough to be served soon, rarely enough to cost little.
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PartialMessage } from '../../src/connection/partial-message.ts';
import { SEGMENT_WAIT, SEGMENTS_AT_ONCE } from '../../src/limits.ts';
import { NEVER_WHOLE } from '../../src/pool/job.ts';

let clock = 0;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => vi.restoreAllMocks());

const DEADLINE_MS = 5_000;

/**
 * The times at which segments were read, given when they arrive. A read takes all that has arrived, as a socket does.
 */
function readTimes(arrivals: readonly number[]): number[] {
  const partial = new PartialMessage();
  clock = 0;
  partial.begin(DEADLINE_MS);
  const read: number[] = [];
  let [leftover, resting] = [false, 0];
  for (let next = 0; next < arrivals.length; ) {
    clock = Math.max(clock, arrivals[next]!, resting);
    // The first segment of the rest was read when it arrived.
    const ready = arrivals.filter((at, place) => place >= next && at <= clock).length;
    const taken = leftover && ready > 1 ? 1 : ready;
    read.push(...new Array<number>(taken).fill(clock));
    next += taken;
    const rest = partial.restAfterSegment();
    leftover = rest > 0;
    resting = clock + rest;
  }
  return read;
}

describe('reads', () => {
  it('follow the first segments at once, then grow with the logarithm of time (F11)', () => {
    const arrivals = Array.from({ length: 1_024 }, (_, place) => 4 * place);
    const read = readTimes(arrivals);
    expect(read.slice(0, SEGMENTS_AT_ONCE)).toEqual(arrivals.slice(0, SEGMENTS_AT_ONCE));
    expect(new Set(read).size).toBeLessThan(100);
  });

  it('come within a quarter of the time that the bytes took to arrive, and before the deadline (F8, F11)', () => {
    const gap = fc.oneof(fc.constant(0), fc.nat(20), fc.nat(500));
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 200 }), (gaps) => {
        const arrivals = gaps.map((_, place) => gaps.slice(0, place + 1).reduce((sum, one) => sum + one, 0));
        const inTime = arrivals.filter((at) => at < DEADLINE_MS);
        for (const [place, at] of readTimes(inTime).entries()) {
          expect(at).toBeLessThanOrEqual(inTime[place]! * (1 + SEGMENT_WAIT) + 1e-6);
          expect(at).toBeLessThan(DEADLINE_MS);
        }
      }),
    );
  });
});

it('reads when the bytes that it asked for are there, and once more at the deadline (F5, E1)', () => {
  const partial = new PartialMessage();
  partial.attempt(32);
  partial.unfinished({ kind: 'incomplete', scan: 7, needed: 96 });
  expect([48, 80, 96].map((bytes) => partial.isDue(bytes, false))).toEqual([false, false, true]);
  partial.attempt(96);
  partial.unfinished({ kind: 'incomplete', scan: 7, needed: NEVER_WHOLE });
  expect(partial.isDue(16_384, false)).toBe(false);
  expect(partial.isDue(16_384, true)).toBe(true);
  expect(partial.isDue(96, true)).toBe(false);
});
