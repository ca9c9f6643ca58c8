// Runs the bench commands as users do, on minimal loads.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Report } from '../../bench/report/report.ts';
import { startRegistry } from '../support/registry-process.ts';
import { openTags } from './open-tags.ts';

const built = (path: string) => fileURLToPath(new URL(`../../dist/bench/${path}`, import.meta.url));
const SUITE = built('suite/main.js');
const LOAD = built('load/main.js');
const JOINS = built('joins/main.js');
const STORE = built('store/main.js');
const ETCD = built('etcd/main.js');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

const node = (...args: string[]) => promisify(execFile)(process.execPath, args);

it('writes the results of a section as JSON and as a page, with the environment', async () => {
  const { stdout } = await node(SUITE, '--only', 'hello', '--quick', '--out', directory);
  const files = await readdir(directory);
  const [html, json] = files.sort();
  expect(files).toHaveLength(2);
  expect(stdout).toContain(json);
  const report = JSON.parse(await readFile(join(directory, json!), 'utf8')) as Report;
  expect(report.environment).toMatchObject({
    cpuModel: expect.stringMatching(/./),
    node: process.version,
    openssl: process.versions.openssl,
    commit: expect.stringMatching(/^([0-9a-f]{40}|unknown)$/),
    dirty: expect.any(Boolean),
    date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
  expect(report.environment.cores).toBeGreaterThan(0);
  expect(report.command).toMatch(/^npm run bench -- --only hello --quick/);
  const [section] = report.sections;
  expect(section).toMatchObject({ name: 'hello', command: 'npm run bench -- --only hello --quick' });
  for (const { value } of section!.figures) expect(value).toBeGreaterThan(0);

  const page = await readFile(join(directory, html!), 'utf8');
  expect(page).toMatch(/^<!doctype html>/);
  expect(openTags(page)).toEqual([]);
  expect(page).toContain(report.environment.commit);
  expect(page).toContain(section!.figures[0]!.label);
});

it('puts a load on a running registry and leaves it running', async () => {
  const registry = await startRegistry();
  try {
    const file = join(directory, 'regCred.dat');
    await writeFile(file, registry.regCredText);
    const shape = ['--sessions', '48', '--rate', '400', '--spacing', 'even', '--generators', '2'];
    const whose = ['--registry', file, '--server-pid', String(registry.pid)];
    const { stdout } = await node(LOAD, ...shape, ...whose);
    expect(stdout).toMatch(/^48 sessions \(full, clusters of 8\), 400\/s, even, tcp, prefixed, process \d+$/m);
    expect(stdout).toMatch(/^generator late p99 .* 0 dropped$/m);
    expect(stdout).toMatch(/^overhead factor +\d/m);
    expect(stdout).not.toContain('failed');
    // 48 sessions warm up, 48 are measured.
    expect(await registry.metrics()).toMatch(/^xlreg_sessions_started_total\{.*transport="tcp".*\} 96$/m);
  } finally {
    expect(await registry.stop()).toBe(0);
  }
});

it('retries and reports Hellos that were turned away', async () => {
  const registry = await startRegistry({ args: ['--workers', '1', '--hello-queue-ms', '1'] });
  try {
    const file = join(directory, 'small.dat');
    await writeFile(file, registry.regCredText);
    const shape = ['--kind', 'hello', '--connections', '64', '--sessions', '200'];
    const { stdout } = await node(LOAD, ...shape, '--registry', file, '--server-pid', String(registry.pid));
    const [, turnedAway] = /^turned away +(\d+) Hellos, each retried$/m.exec(stdout)!;
    const page = await registry.metrics();
    const counted = /^xlreg_sessions_ended_total\{dialect="none",transport="tcp",end="overload"\} (\d+)$/m.exec(page)!;
    // The report excludes the warm-up.
    expect(Number(counted[1])).toBeGreaterThanOrEqual(Number(turnedAway));
    expect(stdout).not.toContain('failed');
    expect(page).toMatch(/^xlreg_hellos_total\{key="current"\} 400$/m);
  } finally {
    expect(await registry.stop()).toBe(0);
  }
});

it('measures joins for each number of clients', async () => {
  const { stdout } = await node(JOINS, '--clients', '1,4', '--joins', '40');
  const rows = stdout
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.trim().split(/ +/).map(Number));
  expect(rows.map(([clients]) => clients)).toEqual([1, 4]);
  for (const row of rows) for (const figure of row) expect(figure).toBeGreaterThan(0);
  // A single client waits for one commit for each Join.
  expect(rows[0]!.at(-1)).toBe(1);
});

it('fills a table and loads it four times', async () => {
  const { stdout } = await node(STORE, '--members', '500');
  expect(stdout).toMatch(
    /^500 members: \d+ MiB on disk\n(loaded in [\d.]+ s; \d+ bytes of memory for each member beyond its token\n){4}$/,
  );
});

it.each([
  [ETCD, []],
  [JOINS, ['--store', 'etcd']],
])('%s prints one line and exits with code 1 if etcd cannot be started', async (program, args) => {
  const run = promisify(execFile)(process.execPath, [program, ...args], { env: { PATH: directory } });
  const ended = await run.catch((error: { code: number; stderr: string }) => error);
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^etcd .* cannot be started: .*ENOENT\n$/) });
});

it.each([
  [JOINS, ['--clients', '1,x']],
  [JOINS, ['--store', 'disk']],
  [STORE, ['--members', '0']],
  [ETCD, ['--nodes', 'three']],
  [SUITE, ['--only', 'nothing']],
  [SUITE, ['--sessions', '-1']],
  [SUITE, ['--faster']],
  [LOAD, ['--rate', '0']],
  [LOAD, ['--registry', 'regCred.dat']],
  [LOAD, ['--registry', 'regCred.dat', '--server-pid', '1', '--transport', 'ws']],
])('%s refuses the arguments %j with code 2 and its usage', async (program, args) => {
  const ended = await node(program, ...args).catch((error: { code: number; stderr: string }) => error);
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('npm run bench') });
});
