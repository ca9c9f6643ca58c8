import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../src/connection/deadline.ts';

describe('a deadline (F8)', () => {
  const ends: string[] = [];
  let deadline: Deadline<string>;

  beforeEach(() => {
    vi.useFakeTimers();
    ends.length = 0;
    deadline = new Deadline((end) => ends.push(end));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('passes once, after its time', () => {
    deadline.arm(100, 'idle');
    vi.advanceTimersByTime(99);
    expect([ends, deadline.passed]).toEqual([[], undefined]);
    vi.advanceTimersByTime(1_000);
    expect([ends, deadline.passed]).toEqual([['idle'], 'idle']);
  });

  it('replaces a deadline of another length', () => {
    deadline.arm(100, 'idle');
    vi.advanceTimersByTime(99);
    deadline.arm(50, 'write-timeout');
    vi.advanceTimersByTime(49);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(ends).toEqual(['write-timeout']);
  });

  it('refreshes the timer of a deadline of the same length', () => {
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    deadline.arm(100, 'idle');
    vi.advanceTimersByTime(99);
    deadline.arm(100, 'write-timeout');
    expect(setTimeout).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(99);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ends).toEqual(['write-timeout']);
  });

  it('forgets that it passed when it is armed again or forgiven', () => {
    deadline.arm(100, 'message-timeout');
    vi.advanceTimersByTime(100);
    deadline.forgive();
    expect(deadline.passed).toBeUndefined();
    deadline.arm(100, 'idle');
    vi.advanceTimersByTime(100);
    deadline.arm(100, 'idle');
    expect(deadline.passed).toBeUndefined();
  });

  it('never passes once it is cleared', () => {
    deadline.arm(100, 'idle');
    deadline.clear();
    vi.advanceTimersByTime(1_000);
    expect(ends).toEqual([]);
  });
});
