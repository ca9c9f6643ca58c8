// Standard output and standard error that accept no bytes: the registry serves, counts the lines it drops, and stops in
// time.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { giveKeys } from '../support/made-keys.ts';
import type { RegistryProcess } from '../support/registry-process.ts';
import { until } from '../support/until.ts';

const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');
/** The drain waits for no session here. */
const STOP_MS_MAX = 10_000;

let directory: string;
let open: number[];
let children: ChildProcess[];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-output-'));
  await giveKeys(join(directory, 'data'));
  open = [];
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const fd of open) closeSync(fd);
  rmSync(directory, { recursive: true, force: true });
});

function opened(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  open.push(fd);
  return fd;
}

/** A blocking pipe; `fill` takes all its room. */
function pipe() {
  const path = join(directory, `pipe-${open.length}`);
  execFileSync('mkfifo', [path]);
  const reader = opened(path, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    writer: opened(path, 'w'),
    fill() {
      const byte = Buffer.from('\n');
      const page = Buffer.alloc(4_096, byte);
      for (const bytes of [page, byte]) {
        try {
          for (;;) writeSync(reader, bytes);
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
        }
      }
    },
    reader,
  };
}

/** The write end of a pipe that nobody reads. */
function brokenPipe(): number {
  const { writer, reader } = pipe();
  closeSync(reader);
  open.splice(open.indexOf(reader), 1);
  return writer;
}

/** The write end of a pipe that has no room. */
function fullPipe(): number {
  const { writer, fill } = pipe();
  fill();
  return writer;
}

async function dropped(registry: RegistryProcess): Promise<number> {
  return Number(/^xlreg_log_lines_dropped_total (\d+)$/m.exec(await registry.metrics())![1]);
}

async function sessions(registry: FieldRegistry, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await (await registry.connect(WIRES[0]!)).bye();
}

async function stopInTime(registry: FieldRegistry): Promise<void> {
  const stopped = registry.stop();
  expect(await Promise.race([stopped, pause(STOP_MS_MAX, 'still there', { ref: false })])).toBe(0);
}

/** Mounts a tmpfs of 64 KB. Returns undefined and logs the reason where mounting fails. */
function mountSmall(): { readonly path: string; unmount(): void } | undefined {
  const path = join(directory, 'small');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path], { stdio: 'pipe' });
  } catch (error) {
    console.log(`SKIPPED, no small tmpfs can be mounted here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return { path, unmount: () => execFileSync('umount', ['-l', path]) };
}

describe('standard error', () => {
  it('drops and counts lines on a full disk, and writes lines again once there is room', async (test) => {
    const disk = mountSmall();
    if (disk === undefined) return test.skip();
    try {
      const log = join(disk.path, 'log');
      const filler = join(disk.path, 'filler');
      const stderr = opened(log, 'a');
      writeFileSync(filler, '');
      const registry = await FieldRegistry.start({ stderr, args: ['--log-level', 'debug'] });
      await sessions(registry, 100);
      const filling = opened(filler, 'w');
      expect(() => {
        for (;;) writeSync(filling, Buffer.alloc(4_096));
      }).toThrow('ENOSPC');
      await sessions(registry, 250);
      await until(async () => (await dropped(registry.process)) > 0);
      expect((await fetch(`http://127.0.0.1:${registry.process.adminPort}/readyz`)).status).toBe(200);
      rmSync(filler);
      closeSync(open.splice(open.indexOf(filling), 1)[0]!);
      const lost = await dropped(registry.process);
      await sessions(registry, 1);
      await until(() => readFileSync(log, 'utf8').includes('"connection":351'));
      expect(await dropped(registry.process)).toBe(lost);
      await stopInTime(registry);
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
      expect(lines.at(-1)).toContain('"stopped"');
      // At most one line is torn: the one that found the disk full.
      const torn = lines.filter((line) => !line.endsWith('}'));
      expect(torn.length).toBeLessThanOrEqual(1);
    } finally {
      disk.unmount();
    }
  });

  it.each([
    ['/dev/full', () => opened('/dev/full', 'w')],
    ['a pipe without a reader', brokenPipe],
  ])('may be %s: the registry serves and counts the dropped lines', async (_, open) => {
    const registry = await FieldRegistry.start({ stderr: open() });
    await sessions(registry, 10);
    await until(async () => (await dropped(registry.process)) >= 10);
    await stopInTime(registry);
  });

  it('may be a full pipe: its reader gets every line later', async () => {
    const { writer, reader, fill } = pipe();
    fill();
    const registry = await FieldRegistry.start({ stderr: writer });
    await sessions(registry, 10);
    let text = '';
    await until(() => {
      const bytes = Buffer.alloc(65_536);
      try {
        text += bytes.toString('latin1', 0, readSync(reader, bytes));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      }
      return text.split('"session ended"').length > 10;
    });
    expect(await dropped(registry.process)).toBe(0);
    await stopInTime(registry);
  });

  it('queues 8 MiB of lines behind a full pipe and counts the rest as dropped', async () => {
    const { writer, reader, fill } = pipe();
    fill();
    const output = new URL('../../dist/src/runtime/line-output.js', import.meta.url);
    const code = `
      const { LineOutput } = await import(${JSON.stringify(output.href)});
      const err = new LineOutput(2);
      for (let line = 0; line < 9 * 1024; line++) err.write(String(line).padStart(1023) + '\\n');
      console.log(err.dropped);
      process.stdin.resume().once('end', async () => {
        console.log(await err.flush(20_000), err.dropped);
        process.exit();
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', writer] });
    children.push(child);
    const [said] = await once(child.stdout!.setEncoding('utf8'), 'data');
    expect(said).toBe('1024\n');
    child.stdin!.end();
    const bytes: Buffer[] = [];
    const ended = once(child, 'close').then(() => true);
    const answer = once(child.stdout!, 'data');
    while (!(await Promise.race([ended, pause(1, false)]))) {
      const some = Buffer.alloc(65_536);
      try {
        bytes.push(some.subarray(0, readSync(reader, some)));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      }
    }
    expect(await answer).toEqual(['true 1024\n']);
    const lines = Buffer.concat(bytes)
      .toString('latin1')
      .split('\n')
      .filter((line) => line !== '');
    expect(lines.map(Number)).toEqual(Array.from({ length: 8 * 1024 }, (_, at) => at));
  });

  it('may be a full pipe: the registry stops in time', async () => {
    const registry = await FieldRegistry.start({ stderr: fullPipe() });
    await sessions(registry, 10);
    await stopInTime(registry);
  });
});

/** Starts a registry with these descriptors. The test's end kills it. */
function serve(stdout: number | 'pipe', stderr: number | 'pipe', ...more: string[]) {
  const off = ['tcp', 'ws', 'admin'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
  const args = [MAIN, 'serve', ...off, '--store', 'memory', '--data-dir', join(directory, 'data'), ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', stdout, stderr] });
  children.push(child);
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
  return { child, stopped: () => Promise.race([ended, pause(STOP_MS_MAX, 'still there', { ref: false })]), ended };
}

describe('standard output', () => {
  it.each([
    ['/dev/full', () => opened('/dev/full', 'w')],
    ['a pipe without a reader', brokenPipe],
    ['a full pipe', fullPipe],
  ])('may be %s: the registry starts, serves and stops', async (_, open) => {
    const { child, stopped } = serve(open(), 'pipe');
    let text = '';
    for await (const part of child.stderr!.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      text += part;
      if (text.includes('"msg":"started"')) break;
    }
    child.kill('SIGTERM');
    expect(await stopped()).toBe(0);
  });

  it.each([
    ['/dev/full', () => opened('/dev/full', 'w')],
    ['a pipe without a reader', brokenPipe],
    ['a full pipe', fullPipe],
  ])('and standard error may both be %s: a failing start ends with its exit code', async (_, open) => {
    const fd = open();
    expect(await serve(fd, fd, '--workers', 'many').ended).toBe(2);
  });
});

it.each([
  ['standard error', '2>&-', 'stdout', /^ready /m],
  ['standard output', '>&-', 'stderr', /"started"/],
] as const)('starts and stops with a closed %s', async (_, closing, other, sign) => {
  const flags = ['tcp', 'ws', 'admin'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
  const args = [process.execPath, MAIN, 'serve', ...flags, '--store', 'memory', '--data-dir', join(directory, 'data')];
  const child = spawn('sh', ['-c', `exec "$@" ${closing}`, 'sh', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  child[other].setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  await until(() => sign.test(text));
  const ended = once(child, 'exit').then(([code]) => code);
  child.kill('SIGTERM');
  expect(await Promise.race([ended, pause(STOP_MS_MAX, 'still there', { ref: false })])).toBe(0);
});

it('stops in time on a terminal that nobody reads', async (test) => {
  const [ready, typescript] = [join(directory, 'ready'), '/dev/null'];
  const flags = ['tcp', 'ws', 'admin'].map((name) => `--${name} 127.0.0.1:0`).join(' ');
  const command = `exec ${process.execPath} ${MAIN} serve ${flags} --data-dir ${directory}/data --store memory > ${ready}`;
  const script = spawn('script', ['-qec', command, typescript], { stdio: ['pipe', fullPipe(), 'ignore'] });
  children.push(script);
  const [failure] = await Promise.race([once(script, 'error'), once(script, 'spawn')]);
  if (failure) {
    console.log(`SKIPPED, script cannot be had here: ${failure.message}`);
    return test.skip();
  }
  const text = () => (existsSync(ready) ? readFileSync(ready, 'utf8') : '');
  await until(() => text().endsWith('\n'));
  const admin = /admin=(\S+)/.exec(text())![1];
  const url = `http://${admin}/api/log-level`;
  const headers = { authorization: `Bearer ${adminToken(join(directory, 'data'))}` };
  // Each request logs one line. The terminal's buffer holds fewer.
  for (let at = 0; at < 200; at++) {
    await (await fetch(url, { method: 'PUT', headers, body: '{"level":"info"}' })).text();
  }
  const pid = Number(readFileSync(`/proc/${script.pid}/task/${script.pid}/children`, 'ascii').trim());
  process.kill(pid, 'SIGTERM');
  const gone = until(() => !existsSync(`/proc/${pid}/exe`));
  expect(await Promise.race([gone, pause(STOP_MS_MAX, 'still there', { ref: false })])).toBeUndefined();
});
