// The lock of a data directory: who holds it, who is refused, and from whom it is taken over.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockedError, lockDataDirectory } from '../../src/server/data-directory-lock.ts';
import { until } from '../support/until.ts';

const MODULE = fileURLToPath(new URL('../../dist/src/server/data-directory-lock.js', import.meta.url));

/** Takes the lock of each directory that it is told, and says how that went; ends by itself only if it is forgotten. */
const TAKER = `
  import { createInterface } from 'node:readline';
  const { lockDataDirectory } = await import(${JSON.stringify(MODULE)});
  const take = (directory) => {
    try {
      lockDataDirectory(directory);
      return 'taken';
    } catch (error) {
      return error.name + ': ' + error.message;
    }
  };
  setTimeout(() => process.exit(), 120_000);
  console.log(process.argv[1] ? take(process.argv[1]) + ' by ' + process.pid : 'ready');
  for await (const directory of createInterface(process.stdin)) console.log(take(directory));`;

/** Halts the process for up to 4 ms in front of half its steps in the file system, and kills it in front of some. */
const halting = (seed: number, deaths: number) => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  let state = ${seed};
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (const step of ['linkSync', 'readFileSync', 'rmSync']) {
    const take = fs[step];
    fs[step] = (path, ...args) => {
      if (String(path).includes('lock.json')) {
        if (random() < ${deaths}) process.kill(process.pid, 'SIGKILL');
        if (random() < 0.5) Atomics.wait(nobody, 0, 0, random() * 4);
      }
      return take(path, ...args);
    };
  }
  syncBuiltinESMExports();`;

/** A process whose first thread has ended, as after SIGKILL, while another stays. */
const LEADERLESS = `
  #include <pthread.h>
  #include <unistd.h>
  static void *stay(void *nothing) { sleep(600); return nothing; }
  int main(void) { pthread_t other; pthread_create(&other, 0, stay, 0); pthread_exit(0); }`;

const HIDE = 'mount -t proc -o hidepid=2 proc /proc';

/** Whether processes can be hidden here, which takes root, from a user who can run what these tests do. */
function canHide(): boolean {
  const asNobody = `${HIDE} && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;
  const load = ['--input-type=module', '-e', `await import(${JSON.stringify(MODULE)})`];
  return works('unshare', '-m', 'sh', '-c', asNobody, 'sh', process.execPath, ...load);
}

function hasCompiler(): boolean {
  return works('cc', '--version');
}

function works(command: string, ...args: string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'ignore' });
  if (status !== 0) console.log(`SKIPPED, a test of the lock: ${command} does not work here`);
  return status === 0;
}

/** A process that takes locks. */
class Taker {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
    takers.push(this);
  }

  /** What it says next; 'died' when it has. */
  async line(): Promise<string> {
    const { value } = await this.#lines.next();
    if (value === undefined && !this.#hasEnded) await once(this.child, 'exit');
    return value ?? 'died';
  }

  take(directory: string): Promise<string> {
    this.child.stdin!.write(`${directory}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

const takers: Taker[] = [];
let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'xlreg-lock-'));
  directory = newDirectory('data');
});
afterEach(async () => {
  for (const taker of takers.splice(0)) await taker.kill();
  rmSync(parent, { recursive: true, force: true });
});

function newDirectory(name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}

function takerArgs(program: string): string[] {
  return ['--input-type=module', '-e', program];
}

async function startTaker(program = TAKER): Promise<Taker> {
  const taker = new Taker(process.execPath, takerArgs(program));
  expect(await taker.line()).toBe('ready');
  return taker;
}

interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
  readonly pidNamespace: string;
}

function lockFile(of = directory): string {
  return join(of, 'lock.json');
}

function holderOf(of = directory): Holder {
  return JSON.parse(readFileSync(lockFile(of), 'utf8')) as Holder;
}

/** What this process writes into a lock. */
function ownHolder(): Holder {
  const own = newDirectory('own');
  const unlock = lockDataDirectory(own);
  const holder = holderOf(own);
  unlock();
  rmSync(own, { recursive: true });
  return holder;
}

function putLock(holder: object | string, of = directory): void {
  writeFileSync(lockFile(of), typeof holder === 'string' ? holder : JSON.stringify(holder));
}

/** A holder that is gone: this process, if it had begun at another time. */
function goneHolder(): Holder {
  return { ...ownHolder(), started: '1' };
}

/** A lock of somebody gone and, one for each death, the guards of those who died while they took over the one before. */
function putDead(of: string, deaths: number): void {
  const gone = goneHolder();
  for (let path = lockFile(of), i = 0; i <= deaths; i++, path += `.${gone.pid}-${gone.started}`) {
    writeFileSync(path, JSON.stringify(gone));
  }
}

describe('a lock that is held', () => {
  it('is one file, for all to read, that is gone when it is given up', () => {
    const unlock = lockDataDirectory(directory);
    expect(readdirSync(directory)).toEqual(['lock.json']);
    // A server under another user has to be able to tell whether its holder is gone.
    expect(statSync(lockFile()).mode & 0o777).toBe(0o644);
    expect(holderOf().pid).toBe(process.pid);
    unlock();
    expect(readdirSync(directory)).toEqual([]);
    lockDataDirectory(directory)();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is refused to another process, and to its own, with the pid of the holder', async () => {
    const unlock = lockDataDirectory(directory);
    const other = await startTaker();
    expect(await other.take(directory)).toMatch(new RegExp(`^LockedError: .*pid ${process.pid}\\b`));
    expect(() => lockDataDirectory(directory)).toThrow(LockedError);
    expect(holderOf().pid).toBe(process.pid);
    unlock();
    expect(await other.take(directory)).toBe('taken');
    expect(() => lockDataDirectory(directory)).toThrow(new RegExp(`pid ${other.child.pid}\\b`));
    expect(readdirSync(directory)).toEqual(['lock.json']);
  });

  it('is refused when its holder cannot be looked for from here', () => {
    putLock({ ...goneHolder(), pidNamespace: 'pid:[1]' });
    expect(() => lockDataDirectory(directory)).toThrow(new RegExp(`pid ${process.pid}\\b`));
  });

  it.skipIf(!canHide())('is refused where the system shows a user no processes but its own', async () => {
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    for (const path of [parent, directory]) chmodSync(path, 0o777);
    const asNobody = [
      'setpriv',
      '--reuid',
      '65534',
      '--regid',
      '65534',
      '--clear-groups',
      process.execPath,
      ...takerArgs(TAKER),
    ];
    const other = new Taker('unshare', ['-m', 'sh', '-c', `${HIDE} && exec "$@"`, 'sh', ...asNobody]);
    expect(await other.line()).toBe('ready');
    expect(await other.take(directory)).toMatch(new RegExp(`^LockedError: .*pid ${holder.child.pid}\\b`));
    await holder.kill();
    expect(await other.take(directory)).toBe('taken');
  });

  it.skipIf(!hasCompiler())(
    'is refused while a thread of a process that was killed is not back from the disk',
    async () => {
      const program = join(parent, 'leaderless');
      execFileSync('cc', ['-x', 'c', '-', '-o', program, '-pthread'], { input: LEADERLESS, stdio: 'pipe' });
      const leaderless = new Taker(program, []);
      const { pid } = leaderless.child;
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'ascii').split(') ')[1]!.split(' ');
      await until(() => stat()[0] === 'Z');
      putLock({ ...ownHolder(), pid, started: stat()[19]! });
      expect(() => lockDataDirectory(directory)).toThrow(new RegExp(`pid ${pid}\\b`));
      await leaderless.kill();
      lockDataDirectory(directory)();
    },
  );

  it.each([
    ['nothing', ''],
    ['no JSON', '{"pid":'],
    ['no object', 'null'],
    ['another object', '{}'],
    ['a pid that is none', '{"pid":-1,"started":"1","boot":"b","pidNamespace":"p"}'],
    ['a pid of another type', '{"pid":"1","started":"1","boot":"b","pidNamespace":"p"}'],
    ['less than all', '{"pid":1,"started":"1","boot":"b"}'],
    ['zeros', '\0\0\0\0'],
  ])('is refused, and left, when it says %s', (_, text) => {
    putLock(text);
    expect(() => lockDataDirectory(directory)).toThrow(LockedError);
    expect(() => lockDataDirectory(directory)).toThrow(lockFile());
    expect(readFileSync(lockFile(), 'utf8')).toBe(text);
  });
});

describe('a lock whose holder is gone is taken over', () => {
  function expectTaken(): void {
    const unlock = lockDataDirectory(directory);
    expect(holderOf().pid).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(['lock.json']);
    unlock();
    expect(readdirSync(directory)).toEqual([]);
  }

  it('after SIGKILL', async () => {
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    expect(() => lockDataDirectory(directory)).toThrow(LockedError);
    await holder.kill();
    expect(holderOf().pid).toBe(holder.child.pid);
    expectTaken();
  });

  it('after SIGKILL, also when its parent has not asked what became of it', async () => {
    // The shell becomes a process that never asks.
    const command = '"$@" & exec sleep 600';
    const shell = new Taker('sh', ['-c', command, 'sh', process.execPath, ...takerArgs(TAKER), directory]);
    expect(await shell.line()).toMatch(/^taken by \d+$/);
    const { pid } = holderOf();
    expect(() => lockDataDirectory(directory)).toThrow(LockedError);
    process.kill(pid, 'SIGKILL');
    // Gone with its last thread.
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'ascii').split(') ')[1]!.split(' ');
    await until(() => stat()[0] === 'Z' && Number(stat()[17]) <= 1);
    expectTaken();
  });

  it('when its pid belongs to a process that began at another time', () => {
    putLock(goneHolder());
    expectTaken();
  });

  it('when nobody has its pid', () => {
    putLock({ ...ownHolder(), pid: 2 ** 22 + 1 });
    expectTaken();
  });

  it('when the machine has been started again, whoever has its pid now', () => {
    putLock({ ...ownHolder(), boot: '00000000-0000-0000-0000-000000000000' });
    expectTaken();
  });

  it.each([1, 2, 5])('when %i are gone, too, who each were at taking over from the one before', (deaths) => {
    putDead(directory, deaths);
    expectTaken();
  });

  it('when the machine has been started again while somebody was at taking it over', () => {
    const gone = { ...ownHolder(), boot: '00000000-0000-0000-0000-000000000000' };
    putLock(gone);
    writeFileSync(`${lockFile()}.${gone.pid}-${gone.started}`, JSON.stringify(gone));
    expectTaken();
  });

  it('but not from somebody who has just been at taking it over and lives', async () => {
    const gone = goneHolder();
    const living = await startTaker();
    const elsewhere = newDirectory('elsewhere');
    expect(await living.take(elsewhere)).toBe('taken');
    putLock(gone);
    const guard = `${lockFile()}.${gone.pid}-${gone.started}`;
    writeFileSync(guard, JSON.stringify(holderOf(elsewhere)));
    expect(() => lockDataDirectory(directory)).toThrow(LockedError);
    expect(readdirSync(directory)).toEqual(['lock.json', basename(guard)]);
    await living.kill();
    expectTaken();
  });
});

describe('of processes that want a stale lock at once', () => {
  const seed = Date.now() % 2 ** 31;

  it('exactly one gets it, however many died trying before', async () => {
    const racers = await Promise.all(Array.from({ length: 12 }, (_, i) => startTaker(halting(seed + i, 0) + TAKER)));
    for (let round = 0; round < 36; round++) {
      const prize = newDirectory(`round-${round}`);
      putDead(prize, round % 3);
      const ends = await Promise.all(racers.map((racer) => racer.take(prize)));
      const winners = racers.filter((_, i) => ends[i] === 'taken');
      const story = `seed ${seed}, round ${round}: ${ends.join('; ')}`;
      expect(winners.length, story).toBe(1);
      expect(holderOf(prize).pid).toBe(winners[0]!.child.pid);
      for (const end of ends) expect(end, story).toMatch(/^(taken$|LockedError: .* is in use by )/);
      expect(readdirSync(prize)).toEqual(['lock.json']);
    }
  });

  it('no two get it, and whoever comes later gets it if none of them did, where many die trying', async () => {
    const later = await startTaker();
    let racers: Taker[] = [];
    let died = 0;
    for (let round = 0; round < 6; round++) {
      const missing = Array.from({ length: 8 - racers.length }, (_, i) => seed + 8 * round + i);
      racers.push(...(await Promise.all(missing.map((of) => startTaker(halting(of, 0.06) + TAKER)))));
      const prize = newDirectory(`round-${round}`);
      putDead(prize, 0);
      const ends = await Promise.all(racers.map((racer) => racer.take(prize)));
      const story = `seed ${seed}, round ${round}: ${ends.join('; ')}`;
      const winners = ends.filter((end) => end === 'taken').length;
      expect(winners, story).toBeLessThanOrEqual(1);
      for (const end of ends) expect(end, story).toMatch(/^(taken$|died$|LockedError: .* is in use by )/);
      expect(await later.take(prize), story).toMatch(winners === 1 ? /^LockedError: .* is in use by / : /^taken$/);
      racers = racers.filter((_, i) => ends[i] !== 'died');
      died += 8 - racers.length;
    }
    expect(died).toBeGreaterThan(0);
  });
});
