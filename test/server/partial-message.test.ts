// When a message that comes in segments is looked at: often enough to be served soon, seldom enough to cost little.
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MESSAGE_ATTEMPT_WAIT, MESSAGE_ATTEMPTS_AT_ONCE } from '../../src/limits.ts';
import { NEVER_WHOLE } from '../../src/pool/job.ts';
import { PartialMessage } from '../../src/server/partial-message.ts';

let clock = 0;
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => vi.restoreAllMocks());

/** Whole blocks arrive after these milliseconds each; when attempts were made, and on how many bytes. */
function attempts(gaps: readonly number[]) {
  const partial = new PartialMessage();
  const made: { readonly at: number; readonly bytes: number }[] = [];
  clock = 1_000;
  const look = (bytes: number) => {
    const wait = partial.msToAttempt(bytes, false);
    if (wait > 0) return wait;
    made.push({ at: clock - 1_000, bytes });
    partial.attempt(bytes);
    partial.unfinished({ kind: 'incomplete', scan: 1, needed: bytes + 16 });
    partial.begin();
    return Infinity;
  };
  let due = Infinity;
  for (const [place, gap] of gaps.entries()) {
    const arrives = clock + gap;
    if (due < arrives) {
      clock = due;
      look(16 * place);
    }
    clock = arrives;
    due = clock + look(16 * (place + 1));
  }
  if (due !== Infinity) {
    clock = due;
    look(16 * gaps.length);
  }
  return made;
}

describe('attempts', () => {
  it('follow the first segments at once, then grow with the logarithm of time (F5)', () => {
    const made = attempts(new Array(1_024).fill(5));
    expect(made.slice(0, MESSAGE_ATTEMPTS_AT_ONCE).map(({ at }) => at)).toEqual(
      Array.from({ length: MESSAGE_ATTEMPTS_AT_ONCE }, (_, place) => 5 * (place + 1)),
    );
    expect(made.length).toBeLessThan(50);
  });

  it('come within a quarter of the time that the bytes took to arrive (F5)', () => {
    const gap = fc.oneof(fc.constant(0), fc.nat(20), fc.nat(2_000));
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 100 }), (gaps) => {
        const made = attempts(gaps);
        let arrived = 0;
        for (const [place, gap] of gaps.entries()) {
          arrived += gap;
          const covered = made.find(({ bytes }) => bytes >= 16 * (place + 1));
          expect(covered!.at).toBeLessThanOrEqual(arrived * (1 + MESSAGE_ATTEMPT_WAIT) + 1e-6);
        }
      }),
    );
  });

  it('wait for the bytes that the last one asked for, and the last of all waits for none (F5, E1)', () => {
    const partial = new PartialMessage();
    partial.attempt(32);
    partial.unfinished({ kind: 'incomplete', scan: 7, needed: 96 });
    expect([48, 80, 96].map((bytes) => partial.msToAttempt(bytes, false))).toEqual([Infinity, Infinity, 0]);
    partial.attempt(96);
    partial.unfinished({ kind: 'incomplete', scan: 7, needed: NEVER_WHOLE });
    expect(partial.msToAttempt(16_384, false)).toBe(Infinity);
    expect(partial.msToAttempt(16_384, true)).toBe(0);
    expect(partial.msToAttempt(96, true)).toBe(Infinity);
  });
});
