// Bounds of admin tokens: wrong ones of many addresses on a clock of the test, and the number of named ones.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { AdminTokens } from '../../src/admin/admin-tokens.ts';
import { type RefusedLogins, WrongTokens } from '../../src/admin/wrong-tokens.ts';
import { ADMIN_TOKENS_MAX, WRONG_TOKEN_ADDRESSES_MAX, WRONG_TOKEN_BURST, WRONG_TOKEN_MS } from '../../src/limits.ts';

let directory: string;
let reports: RefusedLogins[];
let wrong: WrongTokens;
beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), 'xlreg-tokens-'));
  reports = [];
  wrong = new WrongTokens((refused) => reports.push(refused));
});
afterEach(() => {
  wrong.close();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

it('allows an address a burst of wrong tokens, then one in WRONG_TOKEN_MS', () => {
  const tries = (count: number) => Array.from({ length: count }, () => wrong.refused('192.0.2.1', 'token-wrong', true));
  const free = new Array(WRONG_TOKEN_BURST).fill(undefined);
  expect(tries(WRONG_TOKEN_BURST + 2)).toEqual([...free, WRONG_TOKEN_MS / 1000, WRONG_TOKEN_MS / 1000]);
  vi.advanceTimersByTime(WRONG_TOKEN_MS);
  expect(tries(2)).toEqual([undefined, WRONG_TOKEN_MS / 1000]);
  vi.advanceTimersByTime(WRONG_TOKEN_MS * WRONG_TOKEN_BURST);
  expect(tries(WRONG_TOKEN_BURST + 1)).toEqual([...free, WRONG_TOKEN_MS / 1000]);
});

it('counts an IPv6 /64 as one address, and nothing for a request without a token', () => {
  for (let host = 1; host <= WRONG_TOKEN_BURST; host++) wrong.refused(`2001:db8::${host}`, 'token-wrong', true);
  expect(wrong.refused('2001:db8::ffff', 'token-wrong', true)).toBeGreaterThan(0);
  expect(wrong.refused('2001:db8::ffff', 'token-missing', false)).toBeUndefined();
  expect(wrong.refused('2001:db8:0:1::1', 'token-wrong', true)).toBeUndefined();
});

it('reports the refused logins of an address once a minute, and loses none', () => {
  for (let second = 0; second < 600; second++) {
    wrong.refused('192.0.2.1', 'token-wrong', true);
    vi.advanceTimersByTime(1_000);
  }
  expect(reports.length).toBeLessThanOrEqual(11);
  expect(reports.length).toBeGreaterThanOrEqual(10);
  wrong.close();
  expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(600);
});

it('counts further addresses together when the table is full, and makes room as entries grow old', () => {
  for (let at = 0; at < WRONG_TOKEN_ADDRESSES_MAX; at++)
    wrong.refused(`10.0.${at >> 8}.${at & 255}`, 'token-wrong', true);
  for (let at = 0; at < WRONG_TOKEN_BURST; at++) wrong.refused(`10.1.0.${at}`, 'token-wrong', true);
  expect(wrong.refused('10.2.0.1', 'token-wrong', true)).toBeGreaterThan(0);
  expect(reports.at(-1)).toEqual({ address: undefined, count: 1, reason: 'token-wrong' });
  vi.advanceTimersByTime(180_000);
  expect(wrong.refused('10.2.0.1', 'token-wrong', true)).toBeUndefined();
  expect(reports.at(-1)!.address).toBe('10.2.0.1');
});

it('keeps ADMIN_TOKENS_MAX tokens, and lets an expired one make place', async () => {
  vi.useRealTimers();
  let now = Date.now();
  const tokens = await AdminTokens.open(directory, () => now);
  await tokens.add('short', 'read', 60);
  await Promise.all(Array.from({ length: ADMIN_TOKENS_MAX - 1 }, (_, at) => tokens.add(`t${at}`, 'read', undefined)));
  await expect(tokens.add('more', 'read', undefined)).rejects.toThrow('64 tokens, the most possible');
  now += 60_000;
  await tokens.add('more', 'read', undefined);
  expect(tokens.list()).toHaveLength(ADMIN_TOKENS_MAX + 1);
  expect(tokens.list().some(({ name }) => name === 'short')).toBe(false);
});

it('reloads its files, and keeps its tokens if one is unusable', async () => {
  vi.useRealTimers();
  const tokens = await AdminTokens.open(directory);
  const { secret } = await tokens.add('kept', 'operate', undefined);
  const caller = tokens.find(secret);
  const path = join(directory, 'admin-tokens.json');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, `${text}x`);
  await expect(tokens.reload()).rejects.toThrow(`${path} cannot be read: it is not JSON`);
  expect(tokens.find(secret)).toBe(caller);
  writeFileSync(path, text.replace('"operate"', '"read"'));
  await tokens.reload();
  expect(tokens.find(secret)).toMatchObject({ name: 'kept', role: 'read' });
  writeFileSync(join(directory, 'admin-token'), 'another\n');
  await tokens.reload();
  expect(tokens.find('another')).toMatchObject({ name: 'local', role: 'admin' });
});
