// The ledger of limits on a clock of its own: what it reports, when, and what it forgets.
import { afterEach, expect, it, vi } from 'vitest';
import { LIMITS, LimitLedger, type LimitReport, SETTINGS_OF_LIMIT } from '../../src/admission/limit-ledger.ts';
import { SETTING_NAMES } from '../../src/config.ts';
import { REFUSAL_TEXT } from '../../src/errors.ts';
import { LEDGER_ADDRESSES_MAX, LEDGER_MINUTES, LEDGER_REPORTED_ADDRESSES_MAX } from '../../src/limits.ts';

vi.useFakeTimers();
afterEach(() => vi.clearAllTimers());

function ledgerOn(start = 0) {
  const reports: LimitReport[] = [];
  const clock = { now: start };
  const ledger = new LimitLedger(
    (report) => reports.push(report),
    () => clock.now,
  );
  /** Lets time pass, with the ledger's own timer. */
  const pass = (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += 1_000) {
      clock.now += 1_000;
      vi.advanceTimersByTime(1_000);
    }
  };
  return { reports, ledger, pass };
}

it('reports an address after a second, then once a minute with what came since', () => {
  const { reports, ledger, pass } = ledgerOn();
  for (let i = 0; i < 58; i++) ledger.count('hellos-per-address', '10.0.0.1');
  expect(reports).toEqual([]);
  pass(1_000);
  expect(reports.splice(0)).toEqual([{ address: '10.0.0.1', refused: { 'hellos-per-address': 58 } }]);
  ledger.count('hellos-per-address', '10.0.0.1');
  ledger.count('connections-per-address', '10.0.0.1');
  pass(59_000);
  expect(reports).toEqual([]);
  pass(1_000);
  const both = { 'connections-per-address': 1, 'hellos-per-address': 1 };
  expect(reports.splice(0)).toEqual([{ address: '10.0.0.1', refused: both }]);
  pass(180_000);
  expect(reports).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

it('reports further addresses in one line, and counts them in all', () => {
  const { reports, ledger, pass } = ledgerOn();
  const many = LEDGER_REPORTED_ADDRESSES_MAX + 300;
  for (let i = 0; i < many; i++) ledger.count('hellos-per-address', `10.0.${i >> 8}.${i & 255}`);
  ledger.count('connections', undefined);
  pass(1_000);
  expect(reports).toHaveLength(LEDGER_REPORTED_ADDRESSES_MAX + 1);
  const others = { connections: 1, 'hellos-per-address': many - LEDGER_REPORTED_ADDRESSES_MAX };
  expect(reports.at(-1)).toEqual({ address: undefined, refused: others });
  expect(ledger.total('hellos-per-address')).toBe(many);
  expect(ledger.topAddresses(1_000)).toHaveLength(LEDGER_ADDRESSES_MAX);
});

it('forgets the addresses and counts of earlier minutes, but no total', () => {
  const { ledger, pass } = ledgerOn(30_000);
  ledger.count('hellos', '10.0.0.1');
  pass(60_000);
  for (let i = 0; i < 3; i++) ledger.count('hellos', '10.0.0.2');
  expect(ledger.recent).toEqual({ hellos: 4 });
  expect(ledger.topAddresses(1)).toEqual([{ address: '10.0.0.2', refused: { hellos: 3 } }]);
  pass((LEDGER_MINUTES - 1) * 60_000);
  expect(ledger.recent).toEqual({ hellos: 3 });
  expect(ledger.topAddresses(9)).toHaveLength(1);
  pass(60_000);
  expect(ledger.recent).toEqual({});
  expect(ledger.total('hellos')).toBe(4);
});

it('names existing settings, and each refusal that a limit of the table causes', () => {
  for (const settings of Object.values(SETTINGS_OF_LIMIT)) {
    for (const setting of settings) expect(SETTING_NAMES).toContain(setting);
  }
  const full = Object.entries(REFUSAL_TEXT).filter(([, text]) => text === 'registry is full');
  for (const [refusal] of full) expect(LIMITS).toContain(refusal);
});
