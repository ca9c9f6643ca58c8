// The audit log's files: chain, rotation, crashes, lack of room, and what verification says about each.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../src/audit/audit-event.ts';
import { openAuditKey } from '../../src/audit/audit-files.ts';
import { AuditLog, type AuditObserver } from '../../src/audit/audit-log.ts';
import { AUDIT_QUEUE_EVENTS_MAX } from '../../src/audit/limits.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import { until } from '../support/until.ts';

let directory: string;
let file: string;
let said: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-audit-'));
  file = join(directory, 'audit.log');
  said = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const observer: AuditObserver = {
  failed: (reason) => said.push(`failed: ${reason}`),
  recovered: (lost) => said.push(`recovered: ${lost}`),
  anchor: ({ sequence }) => said.push(`anchor: ${sequence}`),
};

async function open(bounds: { fileBytesMax?: number; filesMax?: number } = {}, at = file): Promise<AuditLog> {
  const key = await openAuditKey(directory);
  return AuditLog.open({ file: at, key, fileBytesMax: 1_000_000, filesMax: 4, ...bounds }, observer);
}

function event(member: string): AuditEvent {
  return {
    actor: { token: 'ops', address: '192.0.2.1' },
    action: 'evict',
    object: { cluster: 'c', member },
    outcome: 'done',
  };
}

async function verify(expect?: string, at = file) {
  return verifyAudit(at, await openAuditKey(directory), expect);
}

/** Writes a log of a heading and lines 2 to 6. Returns the hash of the newest line. */
async function written(): Promise<string> {
  const log = await open();
  for (const member of ['a', 'b', 'c', 'd', 'e']) log.record(event(member));
  await log.close();
  return log.newest!.hash;
}

function linesOf(path = file): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

function rewrite(change: (lines: string[]) => string[]): void {
  writeFileSync(
    file,
    change(linesOf())
      .map((line) => `${line}\n`)
      .join(''),
  );
}

it('writes one JSON object a line, with number, time, actor, action, object, outcome and hash', async () => {
  const hash = await written();
  expect(linesOf().map((line) => JSON.parse(line).seq)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(JSON.parse(linesOf().at(-1)!)).toEqual({
    ...{ seq: 6, time: expect.stringMatching(/^20\S+Z$/), actor: { token: 'ops', address: '192.0.2.1' } },
    ...{ action: 'evict', object: { cluster: 'c', member: 'e' }, outcome: 'done', hash },
  });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await verify(hash)).toMatchObject({ lines: 6, files: 1, first: 1, problem: undefined });
});

it('writes text of others in ASCII and cuts it', async () => {
  const log = await open();
  log.record(event(`\u009b2J\n"\u2028${'x'.repeat(5_000)}`));
  await log.close();
  const line = linesOf().at(-1)!;
  expect(line).toMatch(/^[\x20-\x7e]+$/);
  expect(line.length).toBeLessThan(700);
  expect((await verify()).problem).toBeUndefined();
});

describe('verification', () => {
  it.each([
    ['a removed line', (lines: string[]) => lines.toSpliced(2, 1), /line 3 has number 4 and follows number 2/],
    ['two swapped lines', ([a, b, c, ...rest]: string[]) => [a!, c!, b!, ...rest], /line 2 has number 3 and follows/],
    [
      'an edited line',
      (lines: string[]) => lines.with(3, lines[3]!.replace('"c"', '"x"')),
      /line 4 \(number 4\) does not match/,
    ],
    [
      'an added line',
      (lines: string[]) => lines.toSpliced(3, 0, lines[3]!),
      /line 5 has number 4 and follows number 4/,
    ],
    ['a removed beginning', (lines: string[]) => lines.slice(1), /line 1: the beginning of the file is missing/],
    ['a foreign line', (lines: string[]) => lines.with(1, 'evicted'), /line 2 is not a line of an audit log/],
  ])('names %s', async (_, change, problem) => {
    await written();
    rewrite(change);
    expect((await verify()).problem).toMatch(problem);
  });

  it('names a renumbered line, whose hash cannot be made without the key', async () => {
    await written();
    rewrite((lines) => lines.toSpliced(2, 1).map((line, at) => line.replace(/"seq":\d+/, `"seq":${at + 1}`)));
    expect((await verify()).problem).toMatch(/line 3 \(number 3\) does not match its hash/);
  });

  it('finds a cut tail by the newest hash only', async () => {
    const hash = await written();
    rewrite((lines) => lines.slice(0, -2));
    expect((await verify()).problem).toBeUndefined();
    expect((await verify(hash)).problem).toMatch(`no line has the hash ${hash}: the newest lines were cut off`);
  });

  it('accepts a hash that later lines follow', async () => {
    const hash = await written();
    await written();
    expect(await verify(hash)).toMatchObject({ lines: 11, problem: undefined });
  });

  it('says that a log or its key is another one', async () => {
    await written();
    rmSync(join(directory, 'audit-key'));
    expect((await verify()).problem).toMatch(/line 1 \(number 1\) does not match/);
    rmSync(file);
    expect((await verify()).problem).toMatch(/there is no audit log at/);
  });
});

describe('rotation', () => {
  /** Fills files: each batch of a line or two is its own write. */
  async function rotated(filesMax = 3, events = 24): Promise<AuditLog> {
    const log = await open({ fileBytesMax: 1_000, filesMax });
    for (let at = 0; at < events; at++) {
      const { written } = log.counts;
      log.record(event(`m${at}`));
      await until(() => log.counts.written > written);
    }
    return log;
  }

  const oldest = () => {
    const numbers = readdirSync(directory).flatMap((name) => /^audit\.log\.(\d+)$/.exec(name)?.[1] ?? []);
    return join(directory, `audit.log.${Math.min(...numbers.map(Number))}`);
  };

  it('keeps the chain over its files, and no more files than allowed', async () => {
    const log = await rotated();
    await log.close();
    const names = readdirSync(directory)
      .filter((name) => name.startsWith('audit.log'))
      .sort();
    expect(names).toHaveLength(3);
    for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThan(1_400);
    const found = await verify(log.newest!.hash);
    expect(found).toMatchObject({ files: 3, problem: undefined, last: log.newest });
    expect(found.first).toBeGreaterThan(1);
  });

  it('lets verification name files in another order, or a missing one', async () => {
    await (await rotated()).close();
    const [older, newer] = readdirSync(directory)
      .filter((name) => /^audit\.log\.\d/.test(name))
      .map((name) => join(directory, name));
    renameSync(older!, `${older}x`);
    expect((await verify()).problem).toMatch(/line 1 has number \d+: the files with the lines before it are missing/);
    renameSync(newer!, older!);
    renameSync(`${older}x`, newer!);
    expect((await verify()).problem).toMatch(/has number \d+ and follows number \d+: lines are missing or in another/);
  });

  it('is sound to each verification while it writes and rotates its files', async () => {
    const log = await open({ fileBytesMax: 1_000, filesMax: 3 });
    let verified = 0;
    const writing = (async () => {
      for (let at = 0; verified < 40; at++) {
        const { written } = log.counts;
        log.record(event(`m${at}`));
        await until(() => log.counts.written > written);
      }
    })();
    await until(() => existsSync(`${file}.3`));
    for (; verified < 40; verified++) expect(await verify()).toMatchObject({ problem: undefined });
    await writing;
    await log.close();
    expect(log.counts.lost).toBe(0);
  });

  it.each([
    [6, 3],
    [3, 6],
  ])('stays sound when --audit-files changes from %i to %i, and still shows a missing file', async (before, after) => {
    await (await rotated(before, 40)).close();
    for (const events of [1, 5, 12, 40]) {
      await (await rotated(after, events)).close();
      expect(await verify(), `${events} lines later`).toMatchObject({ problem: undefined });
    }
    rmSync(oldest());
    expect((await verify()).problem).toMatch(/line 1 has number \d+: the files with the lines before it are missing/);
  });

  it('begins each file with the time of its first event', async () => {
    await (await rotated()).close();
    const times = linesOf().map((line) => JSON.parse(line).time);
    expect(times).toEqual(times.toSorted());
  });

  it('goes on after a crash between the renaming and the new file', async () => {
    await written();
    renameSync(file, `${file}.1`);
    await written();
    expect(await verify()).toMatchObject({ lines: 12, files: 2, problem: undefined });
  });
});

describe('a crash in the middle of a line', () => {
  it('is reported by verification, then cut off and noted by the next start', async () => {
    await written();
    truncateSync(file, statSync(file).size - 40);
    expect((await verify()).problem).toMatch(/line 6 is torn: the server stopped while it wrote it/);
    await (await open()).close();
    expect(await verify()).toMatchObject({ lines: 6, torn: 1, problem: undefined });
    const notice = JSON.parse(linesOf().at(-1)!);
    expect(notice).toMatchObject({
      action: 'torn-line',
      outcome: 'cut-off',
      object: { begins: expect.stringMatching(/^\{"seq":6/) },
    });
  });

  it('is mended also in the first line of a file', async () => {
    writeFileSync(file, '{"seq":1,"ti');
    await written();
    expect(await verify()).toMatchObject({ lines: 7, torn: 1, problem: undefined });
  });

  it('does not hide a whole line that is none', async () => {
    await written();
    appendFileSync(file, 'garbage\n');
    await written();
    expect((await verify()).problem).toMatch(/audit\.log\.1, line 7 is not a line/);
  });
});

describe('without room', () => {
  it('counts lines as lost on a full disk, and says so once there is room', async (test) => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'pipe' });
    } catch (error) {
      console.log(`SKIPPED, no small tmpfs can be mounted here: ${(error as Error).message.trim()}`);
      return test.skip();
    }
    try {
      const at = join(disk, 'audit.log');
      const log = await open({}, at);
      for (let count = 0; log.counts.lost === 0; count++) {
        log.record(event(`m${count}`));
        await until(() => log.counts.written + log.counts.lost > count);
      }
      expect(said).toEqual([expect.stringMatching(/^failed: .*ENOSPC/)]);
      const { written } = log.counts;
      truncateSync(at, 0);
      rmSync(at);
      log.record(event('later'));
      await until(() => log.counts.written > written);
      await log.close();
      const { lost } = log.counts;
      expect(said).toContain(`recovered: ${lost}`);
      const notice = linesOf(at)
        .map((line) => JSON.parse(line))
        .find(({ action }) => action === 'lines-lost');
      expect(notice).toMatchObject({
        object: { lines: lost, reason: expect.stringContaining('ENOSPC') },
        outcome: 'lost',
      });
      // The lines that made room are missing, and that shows.
      expect((await verify(undefined, at)).problem).toMatch(/the files with the lines before it are missing/);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it('keeps the chain when the disk has room again', async (test) => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'pipe' });
    } catch {
      return test.skip();
    }
    try {
      const at = join(disk, 'audit.log');
      const log = await open({}, at);
      const filler = join(disk, 'filler');
      expect(() => {
        for (;;) appendFileSync(filler, Buffer.alloc(4_096));
      }).toThrow('ENOSPC');
      for (let count = 0; count < 200; count++) log.record(event(`m${count}`));
      await until(() => log.counts.lost > 0);
      rmSync(filler);
      await until(() => said.length === 2);
      await log.close();
      const { lost } = log.counts;
      expect(await verify(log.newest!.hash, at)).toMatchObject({ lost, torn: 0, problem: undefined });
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it('goes on when its directory is missing, and writes once it is there', async () => {
    const at = join(directory, 'sub', 'audit.log');
    const log = await open({}, at);
    log.record(event('a'));
    await until(() => log.counts.lost === 1);
    mkdirSync(join(directory, 'sub'));
    await until(() => said.length === 2);
    await log.close();
    expect(said).toEqual([expect.stringContaining('failed: ENOENT'), 'recovered: 1', 'anchor: 2']);
    expect(await verify(undefined, at)).toMatchObject({ lines: 2, lost: 1, problem: undefined });
  });

  it('bounds what waits for the disk', async () => {
    const log = await open();
    const join: AuditEvent = { ...event('m'), actor: { client: 'ab' }, action: 'join' };
    for (let count = 0; count < AUDIT_QUEUE_EVENTS_MAX + 500; count++) log.record(join);
    const { lost } = log.counts;
    expect(lost).toBeGreaterThan(0);
    // Members leave room for operators.
    log.record(event('late'));
    expect(log.counts.lost).toBe(lost);
    for (let count = 0; count < AUDIT_QUEUE_EVENTS_MAX; count++) log.record(event('m'));
    expect(log.counts.lost).toBeGreaterThan(lost);
    await log.close();
    expect(await verify()).toMatchObject({ lost: log.counts.lost, problem: undefined });
  });
});

it('shows that its file was deleted while it ran', async () => {
  const log = await open();
  log.record(event('a'));
  await until(() => log.counts.written === 1);
  rmSync(file);
  log.record(event('b'));
  await log.close();
  expect((await verify()).problem).toMatch(/line 1 has number 3: the files with the lines before it are missing/);
});

it('refuses a key that is none', async () => {
  writeFileSync(join(directory, 'audit-key'), 'x\n');
  await expect(open()).rejects.toThrow('does not hold the key of an audit log');
});
