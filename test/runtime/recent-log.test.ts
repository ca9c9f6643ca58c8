// The warnings and errors kept for the status page.
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { RECENT_LOG_LINE_CHARS_MAX, RECENT_LOG_LINES_MAX } from '../../src/limits.ts';
import { RecentLog } from '../../src/runtime/recent-log.ts';

/** A log as the server makes it, and the lines that it passes on. */
function openLog() {
  const lines: string[] = [];
  const recent = new RecentLog({ write: (line) => void lines.push(line) });
  const log = pino({ formatters: { level: (level) => ({ level }) }, timestamp: pino.stdTimeFunctions.isoTime }, recent);
  return { recent, log, lines };
}

it('keeps warnings and errors, the newest first, and passes on every line', () => {
  const { recent, log, lines } = openLog();
  log.info({ level: 'warn' }, 'no warning');
  log.warn({ address: '192.0.2.1', ops: { Join: 1 } }, 'a warning');
  log.error({ err: new Error('why') }, 'an error');
  log.fatal('the end');
  expect(lines).toHaveLength(4);
  expect(recent.entries()).toMatchObject([
    { level: 'fatal', message: 'the end', details: '' },
    { level: 'error', message: 'an error', details: 'err: why' },
    { level: 'warn', message: 'a warning', details: 'address: 192.0.2.1, ops: {"Join":1}' },
  ]);
  expect(Date.parse(recent.entries()[0]!.time)).toBeGreaterThan(0);
});

it('bounds the lines and their length', () => {
  const { recent, log } = openLog();
  for (let line = 0; line < 2 * RECENT_LOG_LINES_MAX + 1; line++) log.warn(`line ${line}`);
  log.warn({ text: 'x'.repeat(100_000) }, 'y'.repeat(100_000));
  const entries = recent.entries();
  expect(entries).toHaveLength(RECENT_LOG_LINES_MAX);
  expect(entries[1]!.message).toBe(`line ${2 * RECENT_LOG_LINES_MAX}`);
  expect(entries[0]!.message.length + entries[0]!.details.length).toBe(RECENT_LOG_LINE_CHARS_MAX);
});
