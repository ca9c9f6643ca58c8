// Since when a check of readiness has its result.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CheckHistory } from '../../src/server/check-history.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('tells since when each check passes or fails, without anybody asking meanwhile', () => {
  const checks = { one: true, other: true };
  const history = new CheckHistory(() => checks);
  vi.advanceTimersByTime(10_000);
  checks.one = false;
  vi.advanceTimersByTime(5_000);
  const [one, other] = history.states;
  expect(one).toMatchObject({ check: 'one', passes: false });
  // Samples are a second apart.
  expect(one!.seconds).toBeGreaterThanOrEqual(4);
  expect(one!.seconds).toBeLessThanOrEqual(5);
  expect(other).toEqual({ check: 'other', passes: true, seconds: 15 });
  checks.one = true;
  expect(history.states[0]).toEqual({ check: 'one', passes: true, seconds: 0 });
  history.stop();
  expect(vi.getTimerCount()).toBe(0);
});
