// xlreg demo: the tour shows what it says, and leaves no file and no process, also after Ctrl-C.
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/until.ts';
import { runXlreg, startXlreg } from './xlreg-process.ts';

const TIMEOUT_MS = 240_000;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-demo-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
});

const options = () => ({ cwd: directory, env: { TMPDIR: directory }, timeoutMs: TIMEOUT_MS });

/** The members of each table, as lines without the spaces of the columns. */
function tablesIn(text: string): string[][] {
  return text
    .split(/^INDEX .*\n/m)
    .slice(1)
    .map((part) => /^(?:\d .*\n)+/.exec(part)![0].trimEnd().split('\n'))
    .map((lines) => lines.map((line) => line.replaceAll(/ +/g, ' ')));
}

it(
  'forms a cluster, restarts and moves members, restarts the registry, and shows metrics',
  async () => {
    const { code, stdout, stderr } = await runXlreg(['demo'], options());
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ', '4. ', '5. ', '6. ', '7. ']);
    expect(stdout).toContain('3 of 3 have got this roster');
    const [before, after] = tablesIn(stdout);
    expect(before!.map((line) => line.split(' ')[1]).toSorted()).toEqual(['alice', 'bob', 'carol']);
    expect(after).toEqual(before!.map((line) => line.replace('127.0.0.1:4003', '127.0.0.1:4013')));
    const [, seat, id] = /seat (\d), ID (\S+)/.exec(stdout)!;
    expect(before).toContain(`${seat} bob ${id} verified 127.0.0.1:4002`);
    expect(stdout).toMatch(/xlreg_table_records\{kind="members"\} 3$/m);
    expect(await readdir(directory)).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'ends with 130 at Ctrl-C and leaves nothing',
  async () => {
    const { child, ended } = startXlreg(['demo'], options());
    let stdout = '';
    child.stdout!.on('data', (text: string) => {
      stdout += text;
    });
    await until(() => /TCP at \S+,/.test(stdout));
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130 });
    expect((await readdir(directory)).filter((name) => name !== 'state')).toEqual([]);
    const port = Number(/TCP at 127\.0\.0\.1:(\d+),/.exec(stdout)![1]);
    const check = await runXlreg(['clusters', '--admin', `127.0.0.1:${port}`, '--token-file', '/dev/null'], options());
    expect(check).toMatchObject({ code: 3 });
  },
  TIMEOUT_MS,
);

it(
  'ends at once at a second signal and leaves nothing',
  async () => {
    const { child, ended } = startXlreg(['demo'], options());
    let stdout = '';
    child.stdout!.on('data', (text: string) => {
      stdout += text;
    });
    await until(() => /TCP at \S+,/.test(stdout));
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await ended;
    const port = Number(/TCP at 127\.0\.0\.1:(\d+),/.exec(stdout)![1]);
    await until(
      async () => (await fetch(`http://127.0.0.1:${port}`).catch(({ cause }) => cause.code)) === 'ECONNREFUSED',
    );
    expect((await readdir(directory)).filter((name) => name !== 'state')).toEqual([]);
  },
  TIMEOUT_MS,
);

it(
  'ends with 141 and leaves nothing when the reader of its output leaves',
  async () => {
    const { child, ended } = startXlreg(['demo'], options());
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 141, stderr: '' });
    expect((await readdir(directory)).filter((name) => name !== 'state')).toEqual([]);
  },
  TIMEOUT_MS,
);
