// The lock of a data directory: one holder, refusals of all others, and takeovers from holders that are gone.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { type DirectoryLock, LockedError, lockDataDirectory } from '../../src/identity/data-directory-lock.ts';
import { type LockTiming, lockDirectory } from '../../src/lock/directory-lock.ts';
import { AS_NOBODY, canRun, IN_CONTAINER, onOtherMachine } from '../support/other-machines.ts';
import { until } from '../support/until.ts';

const MODULE = fileURLToPath(new URL('../../dist/src/identity/data-directory-lock.js', import.meta.url));

/** Long enough for a renewal to come in time on a busy machine. */
const FAST: LockTiming = { renewalMs: 50, fenceMs: 1_500, deadMs: 2_000 };

/** Takes the lock of each directory named on stdin and prints the result. Ends after two minutes at the latest. */
const TAKER = `
  import { createInterface } from 'node:readline';
  const { lockDataDirectory } = await import(${JSON.stringify(MODULE)});
  const timing = process.env.TIMING && JSON.parse(process.env.TIMING);
  const onLost = ({ message }) => console.log(message + '; fence open: ' + held?.fence.waitOpen(0));
  const onWaiting = () => {};
  let held;
  const take = async (directory) => {
    try {
      held = await lockDataDirectory(directory, { onLost, onWaiting, timing });
      return 'taken';
    } catch (error) {
      return error.name + ': ' + error.message;
    }
  };
  setTimeout(() => process.exit(), 120_000);
  console.log(process.argv[1] ? (await take(process.argv[1])) + ' by ' + process.pid : 'ready');
  for await (const directory of createInterface(process.stdin)) console.log(await take(directory));`;

/**
 * Pauses the process up to 4 ms before half of its file system calls, and kills it before the share `deaths` of them.
 */
const halting = (seed: number, deaths: number) => `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  let state = ${seed};
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  for (const step of ['readdirSync', 'mkdirSync', 'writeFileSync', 'renameSync', 'rmSync', 'existsSync']) {
    const take = fs[step];
    fs[step] = (path, ...args) => {
      if (String(path).startsWith('/proc/self/fd/')) {
        if (random() < ${deaths}) process.kill(process.pid, 'SIGKILL');
        if (random() < 0.5) Atomics.wait(nobody, 0, 0, random() * 4);
      }
      return take(path, ...args);
    };
  }
  syncBuiltinESMExports();`;

/** Makes listening fail, as on a file system without sockets. */
const WITHOUT_SOCKETS = `
  import net from 'node:net';
  net.Server.prototype.listen = function () {
    process.nextTick(() => this.emit('error', Object.assign(new Error('listen EPERM'), { code: 'EPERM' })));
    return this;
  };`;

/**
 * A process that listens on the given socket. Its first thread has ended and another stays, as after SIGKILL during
 * I/O.
 */
const LEADERLESS = `
  #include <pthread.h>
  #include <string.h>
  #include <sys/socket.h>
  #include <sys/un.h>
  #include <unistd.h>
  static void *stay(void *nothing) { sleep(600); return nothing; }
  int main(int count, char **words) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    strncpy(name.sun_path, words[1], sizeof name.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (count != 2 || bind(listener, (struct sockaddr *)&name, sizeof name) || listen(listener, 1)) return 1;
    pthread_t other;
    pthread_create(&other, 0, stay, 0);
    pthread_exit(0);
  }`;

function hasCompiler(): boolean {
  const { status } = spawnSync('cc', ['--version'], { stdio: 'ignore' });
  if (status !== 0) console.log('SKIPPED, a test of the lock: cc does not work here');
  return status === 0;
}

/** True if an unprivileged user can load the module. */
function nobodyCanLoad(): boolean {
  const load = [process.execPath, '--input-type=module', '-e', `await import(${JSON.stringify(MODULE)})`];
  return canRun([...AS_NOBODY, ...load], 'tests of the lock with another user');
}

/** A process that takes locks. */
class Taker {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], timing?: LockTiming, owner = scene) {
    const env = { ...process.env, ...(timing && { TIMING: JSON.stringify(timing) }) };
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
    owner.takers.push(this);
  }

  /** Its next line; 'died' after its end. */
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

/** The directories, processes and locks of one test. */
interface Scene {
  readonly parent: string;
  readonly directory: string;
  readonly takers: Taker[];
  readonly locks: DirectoryLock[];
}

declare module 'vitest' {
  interface TestContext {
    scene: Scene;
  }
}

/** The scene of the test that runs alone; tests that run side by side take theirs from their context. */
let scene: Scene;
let parent: string;
let directory: string;
beforeEach((context) => {
  parent = mkdtempSync(join(tmpdir(), 'xlreg-lock-'));
  directory = newDirectory('data');
  const made: Scene = { parent, directory, takers: [], locks: [] };
  scene = made;
  context.scene = made;
  return async () => {
    for (const lock of made.locks) lock.release();
    for (const taker of made.takers) await taker.kill();
    rmSync(made.parent, { recursive: true, force: true });
  };
});

function newDirectory(name: string): string {
  const path = join(parent, name);
  mkdirSync(path, { recursive: true });
  return path;
}

interface TakerOptions {
  readonly program?: string;
  readonly within?: readonly string[];
  readonly timing?: LockTiming;
  readonly owner?: Scene;
}

async function startTaker({ program = TAKER, within = [], timing, owner }: TakerOptions = {}): Promise<Taker> {
  const [command, ...args] = [...within, process.execPath, '--input-type=module', '-e', program];
  const taker = new Taker(command!, args, timing, owner);
  expect(await taker.line()).toBe('ready');
  return taker;
}

/** Takes the lock in this process. Messages about a wait go to `waits`. */
async function lock(of = directory, timing?: LockTiming, waits: string[] = [], owner = scene) {
  const onLost = (error: Error) => {
    throw error;
  };
  const options = { onLost, onWaiting: (text: string) => waits.push(text), ...(timing && { timing }) };
  const held = await lockDataDirectory(of, options);
  owner.locks.push(held);
  return held;
}

/** The parts of the lease's name: counter, pid, ID, place and host. */
function leaseOf(of = directory): string[] {
  const names = readdirSync(join(of, 'lock'));
  expect(names.length).toBe(1);
  return names[0]!.split('.');
}

function pidOf(of = directory): number {
  return Number(leaseOf(of)[1]);
}

function expectedFiles(of = directory): string[] {
  return ['lock', `lock.${leaseOf(of)[2]}.socket`];
}

/** The boot ID and device of directories made here. */
async function placeHere(): Promise<string> {
  const own = newDirectory('own');
  const held = await lock(own);
  const place = leaseOf(own)[3]!;
  held.release();
  return place;
}

const newId = () => randomBytes(8).toString('hex');

/** Leaves a socket without a listener, as a killed process does. */
async function putDeadSocket(id: string, of = directory): Promise<void> {
  const server = createServer().listen(join(parent, id));
  await once(server, 'listening');
  renameSync(join(parent, id), join(of, `lock.${id}.socket`));
  server.close();
  await once(server, 'close');
}

async function putLease(place: string, of = directory, id = newId()): Promise<string> {
  mkdirSync(join(of, 'lock'));
  const name = `0000000007.${process.pid}.${id}.${place}.elsewhere`;
  writeFileSync(join(of, 'lock', name), '');
  return name;
}

/** Leaves the lease of a killed holder, and the files of `deaths` processes killed during a takeover. */
async function putDead(of: string, deaths: number, place: string): Promise<void> {
  const holder = newId();
  await putDeadSocket(holder, of);
  await putLease(place, of, holder);
  for (let i = 0; i < deaths; i++) {
    const id = newId();
    await putDeadSocket(id, of);
    mkdirSync(join(of, `lock.${id}.new`));
    if (i % 2 === 0) writeFileSync(join(of, `lock.${id}.new`, `0000000000.1.${id}.${place}.elsewhere`), '');
  }
}

async function expectTaken(timing?: LockTiming, owner = scene): Promise<void> {
  const held = await lock(owner.directory, timing, [], owner);
  expect(pidOf(owner.directory)).toBe(process.pid);
  expect(readdirSync(owner.directory).sort()).toEqual(expectedFiles(owner.directory));
  held.release();
  expect(readdirSync(owner.directory)).toEqual([]);
}

/** Leaves the lock file of an older version. */
function putOld(holder: object | string, of = directory): void {
  writeFileSync(join(of, 'lock.json'), typeof holder === 'string' ? holder : JSON.stringify(holder));
}

/** This process as an older version names it. */
function ownHolder() {
  const [stat, boot] = ['/proc/self/stat', '/proc/sys/kernel/random/boot_id'].map((path) =>
    readFileSync(path, 'ascii'),
  );
  const started = stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[19]!;
  return { pid: process.pid, started, boot: boot!.trim(), pidNamespace: readlinkSync('/proc/self/ns/pid') };
}

describe('a held lock', () => {
  it('is a lease and a socket, and its release removes both', async () => {
    const held = await lock();
    const [counter, pid, id] = leaseOf();
    expect([counter, pid]).toEqual(['0000000000', String(process.pid)]);
    expect(readdirSync(directory).sort()).toEqual(['lock', `lock.${id}.socket`]);
    // Other users connect to the socket to learn whether the holder lives.
    expect(statSync(join(directory, `lock.${id}.socket`)).mode & 0o666).toBe(0o666);
    held.release();
    expect(readdirSync(directory)).toEqual([]);
    await expectTaken();
  });

  it('is refused to any process, its own too, with the pid of the holder', async () => {
    const held = await lock();
    const other = await startTaker();
    expect(await other.take(directory)).toMatch(new RegExp(`^LockedError: .*pid ${process.pid}\\b`));
    await expect(lock()).rejects.toThrow(LockedError);
    expect(pidOf()).toBe(process.pid);
    held.release();
    expect(await other.take(directory)).toBe('taken');
    await expect(lock()).rejects.toThrow(new RegExp(`pid ${other.child.pid}\\b`));
    expect(readdirSync(directory).sort()).toEqual(expectedFiles());
  });

  it.skipIf(!hasCompiler())('is refused while a thread of the killed holder waits for the disk', async () => {
    const program = join(parent, 'leaderless');
    execFileSync('cc', ['-x', 'c', '-', '-o', program, '-pthread'], { input: LEADERLESS, stdio: 'pipe' });
    const id = newId();
    await putLease(await placeHere(), directory, id);
    const leaderless = new Taker(program, [join(directory, `lock.${id}.socket`)]);
    const { pid } = leaderless.child;
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'ascii').split(') ')[1]!.split(' ');
    await until(() => stat()[0] === 'Z');
    await expect(lock()).rejects.toThrow(LockedError);
    await leaderless.kill();
    await expectTaken();
  });

  it('is refused at once when its holder is stopped and the backlog of its socket is full', async () => {
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    holder.child.kill('SIGSTOP');
    // More than the backlog of 511.
    for (let i = 0; i < 600; i++) await expect(lock()).rejects.toThrow(`pid ${holder.child.pid} `);
    holder.child.kill('SIGCONT');
  });

  it.skipIf(!canRun(IN_CONTAINER, 'a test of the lock in containers'))(
    'is refused to another PID namespace until its holder is killed',
    async () => {
      const holder = await startTaker({ within: IN_CONTAINER });
      expect(await holder.take(directory)).toBe('taken');
      expect(pidOf()).toBe(1);
      const other = await startTaker({ within: IN_CONTAINER });
      expect(await other.take(directory)).toMatch(/^LockedError: .*pid 1 on /);
      await holder.kill();
      // The PID namespace ends a little after the process that made it.
      await until(async () => (await other.take(directory)) === 'taken');
    },
  );

  it.skipIf(!nobodyCanLoad())('is refused to another user until its holder is killed', async () => {
    for (const path of [parent, directory]) chmodSync(path, 0o777);
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    const other = await startTaker({ within: AS_NOBODY });
    expect(await other.take(directory)).toMatch(new RegExp(`^LockedError: .*pid ${holder.child.pid}\\b`));
    await holder.kill();
    expect(await other.take(directory)).toBe('taken');
    // The other way round.
    await other.kill();
    await expectTaken();
  });

  it('is refused and left alone when lock/ has foreign contents', async () => {
    for (const name of ['1.2.3', 'x', '0000000000.1.0123456789abcdef.boot']) {
      mkdirSync(join(directory, 'lock'));
      writeFileSync(join(directory, 'lock', name), '');
      await expect(lock()).rejects.toThrow(/lock is not a lock of this server: remove it if no server runs here$/);
      expect(readdirSync(join(directory, 'lock'))).toEqual([name]);
      rmSync(join(directory, 'lock'), { recursive: true });
    }
    writeFileSync(join(directory, 'lock'), '');
    await expect(lock()).rejects.toThrow(/is not a lock of this server/);
    expect(readdirSync(directory)).toEqual(['lock']);
  });

  it('works in a directory with a path of 400 characters', async () => {
    directory = newDirectory(join('a'.repeat(200), 'b'.repeat(200)));
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    await expect(lock()).rejects.toThrow(`pid ${holder.child.pid} `);
    expect(readdirSync(directory).sort()).toEqual(expectedFiles());
    await holder.kill();
    await expectTaken();
  });
});

describe('a lock whose holder is gone', () => {
  it('is taken over after SIGKILL', async () => {
    const holder = await startTaker();
    expect(await holder.take(directory)).toBe('taken');
    await expect(lock()).rejects.toThrow(LockedError);
    await holder.kill();
    expect(pidOf()).toBe(holder.child.pid);
    await expectTaken();
  });

  it('is taken over after SIGKILL, though the parent has not reaped the process', async () => {
    // The shell becomes a process that never reaps.
    const command = '"$@" & exec sleep 600';
    const args = [process.execPath, '--input-type=module', '-e', TAKER, directory];
    const shell = new Taker('sh', ['-c', command, 'sh', ...args]);
    expect(await shell.line()).toMatch(/^taken by \d+$/);
    const pid = pidOf();
    await expect(lock()).rejects.toThrow(LockedError);
    process.kill(pid, 'SIGKILL');
    // The process is gone with its last thread.
    const stat = () => readFileSync(`/proc/${pid}/stat`, 'ascii').split(') ')[1]!.split(' ');
    await until(() => stat()[0] === 'Z' && Number(stat()[17]) <= 1);
    await expectTaken();
  });

  it.each([1, 2, 5])('is taken over after %i successive takers were killed at it', async (deaths) => {
    await putDead(directory, deaths, await placeHere());
    await expectTaken();
  });

  it('is taken over from a killed process that left an unfinished lock', async () => {
    const id = newId();
    await putDeadSocket(id);
    mkdirSync(join(directory, `lock.${id}.new`));
    mkdirSync(join(directory, 'lock'));
    await expectTaken();
  });
});

describe.concurrent('a lock whose holder cannot be seen', () => {
  it.for(['00000000-0000-0000-0000-000000000000-1', 'unknown'])(
    'is taken over when nobody renews it, after a reboot or elsewhere: %s',
    async (place, { expect, scene }) => {
      await putLease(place, scene.directory);
      const waits: string[] = [];
      const began = performance.now();
      const held = await lock(scene.directory, FAST, waits, scene);
      expect(performance.now() - began).toBeGreaterThanOrEqual(FAST.deadMs);
      expect(waits).toEqual([
        expect.stringMatching(/ was locked by the process with pid \d+ on elsewhere: waiting 2 s/),
      ]);
      held.release();
    },
  );

  it('is refused while it is renewed and taken over afterwards, on a file system without sockets', async (context) => {
    const { expect, scene } = context;
    const { directory } = scene;
    const holder = await startTaker({ program: WITHOUT_SOCKETS + TAKER, timing: FAST, owner: scene });
    expect(await holder.take(directory)).toBe('taken');
    expect(readdirSync(directory)).toEqual(['lock']);
    const waits: string[] = [];
    await expect(lock(directory, FAST, waits, scene)).rejects.toThrow(`pid ${holder.child.pid} `);
    expect(waits.length).toBe(1);
    await holder.kill();
    await expectTaken(FAST, scene);
  });

  it.for([{ pidNamespace: 'pid:[1]' }, { boot: '00000000-0000-0000-0000-000000000000' }])(
    'is taken over when it is an unchanged lock.json of an older version: %j',
    async (other, { expect, scene }) => {
      putOld({ ...ownHolder(), ...other }, scene.directory);
      const waits: string[] = [];
      await lock(scene.directory, FAST, waits, scene);
      expect(waits).toEqual([
        expect.stringMatching(/lock\.json of an older version names pid \d+ elsewhere: waiting 2 s/),
      ]);
      expect(existsSync(join(scene.directory, 'lock.json'))).toBe(false);
    },
  );
});

const canBeSeveral = canRun(onOtherMachine(tmpdir()), 'tests of the lock between machines');

describe.skipIf(!canBeSeveral)('a lock between machines', { concurrent: true }, () => {
  it('is refused while its holder renews it', async ({ expect, scene }) => {
    const { parent, directory } = scene;
    const holder = await startTaker({ timing: FAST, within: onOtherMachine(parent), owner: scene });
    expect(await holder.take(directory)).toBe('taken');
    await expect(lock(directory, FAST, [], scene)).rejects.toThrow(`pid ${holder.child.pid} `);
    await until(() => Number(leaseOf(directory)[0]) > 3);
  });

  it('is taken over from a stopped holder, which finds its fence closed later', async ({ expect, scene }) => {
    const { parent, directory } = scene;
    const holder = await startTaker({ timing: FAST, within: onOtherMachine(parent), owner: scene });
    expect(await holder.take(directory)).toBe('taken');
    holder.child.kill('SIGSTOP');
    const held = await lock(directory, FAST, [], scene);
    expect(pidOf(directory)).toBe(process.pid);
    holder.child.kill('SIGCONT');
    expect(await holder.line()).toMatch(
      new RegExp(`^the lock of .* is lost: .* pid ${process.pid} on .* took it over; fence open: false$`),
    );
    expect(held.fence.waitOpen(0)).toBe(true);
    // Its end leaves the lock to the new holder.
    await holder.kill();
    expect(pidOf(directory)).toBe(process.pid);
  });

  it('goes to exactly one of those that wait for it', async ({ expect, scene }) => {
    const { parent, directory } = scene;
    await putLease('00000000-0000-0000-0000-000000000000-1', directory);
    const machines = [onOtherMachine(parent), onOtherMachine(parent), [], []];
    const waiting = await Promise.all(machines.map((within) => startTaker({ timing: FAST, within, owner: scene })));
    const ends = await Promise.all(waiting.map((taker) => taker.take(directory)));
    expect(ends.filter((end) => end === 'taken').length, ends.join('; ')).toBe(1);
    for (const end of ends) expect(end).toMatch(/^(taken$|LockedError: .* is in use by )/);
  });
});

describe.skipIf(!canBeSeveral)('renewals against takeovers', () => {
  /** A lock counts as dead before its renewal, so each takeover races a renewal. */
  const RACING: LockTiming = { renewalMs: 20, fenceMs: 10, deadMs: 15 };
  const TAKEOVERS = 60;

  const LOST = /^the lock of .* is lost: .* took it over; fence open: (false|undefined)$/;

  it('leave one holder and tell every other of its loss', async () => {
    const machines = Array.from({ length: 4 }, () => onOtherMachine(parent));
    const racers = await Promise.all(machines.map((within) => startTaker({ timing: RACING, within })));
    let takeovers = 0;
    const holders = new Set<Taker>();
    const race = async (racer: Taker) => {
      while (takeovers < TAKEOVERS) {
        const end = await racer.take(directory);
        if (end.startsWith('LockedError: ')) continue;
        takeovers++;
        holders.add(racer);
        if (takeovers >= TAKEOVERS && end === 'taken') return;
        // The loss may be reported before the take.
        const [taken, lost] = [end, await racer.line()].sort();
        expect(taken).toBe('taken');
        expect(lost).toMatch(LOST);
        holders.delete(racer);
      }
    };
    await Promise.all(racers.map(race));
    const last = [...holders].filter(({ child }) => child.pid === pidOf());
    expect(last.length).toBe(1);
    for (const holder of holders) if (holder !== last[0]) expect(await holder.line()).toMatch(LOST);
  });
});

describe('the fence of a lock', () => {
  const blockFor = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

  it('is open while the lock is renewed', async () => {
    const held = await lock(directory, FAST);
    await until(() => Number(leaseOf()[0]) > FAST.fenceMs / FAST.renewalMs);
    expect(held.fence.waitOpen(0)).toBe(true);
  });

  it('closes while the renewing thread is blocked, and opens again if the lock is unchanged', async () => {
    const held = await lock(directory, FAST);
    blockFor(FAST.fenceMs + 100);
    expect(held.fence.waitOpen(0)).toBe(false);
    await until(() => held.fence.waitOpen(0));
    expect(pidOf()).toBe(process.pid);
  });

  it('closes for good when the lock is removed', async () => {
    let lost: Error | undefined;
    const onLost = (error: Error) => {
      lost = error;
    };
    const held = await lockDirectory(directory, { onLost, onWaiting: () => {}, timing: FAST });
    rmSync(join(directory, 'lock'), { recursive: true });
    await until(() => lost !== undefined);
    expect(lost!.message).toBe(`the lock of ${directory} is lost: it was removed`);
    expect(held.fence.waitOpen(0)).toBe(false);
    const next = await lock();
    // Releasing the lost lock leaves the next one alone.
    held.release();
    expect(pidOf()).toBe(process.pid);
    expect(next.fence.waitOpen(0)).toBe(true);
  });
});

describe('a lock.json of an older version', () => {
  it('is honoured while its process lives', async () => {
    putOld(ownHolder());
    await expect(lock()).rejects.toThrow(new RegExp(`in use by the process with pid ${process.pid} .*lock\\.json`));
    expect(readdirSync(directory)).toEqual(['lock.json']);
  });

  it('is removed when its pid is unused, or of a process with another start time', async () => {
    for (const other of [{ started: '1' }, { pid: 2 ** 22 + 1 }]) {
      putOld({ ...ownHolder(), ...other });
      await expectTaken();
    }
  });

  it.each([
    ['nothing', ''],
    ['broken JSON', '{"pid":'],
    ['null', 'null'],
    ['another object', '{}'],
    ['an invalid pid', '{"pid":-1,"started":"1","boot":"b","pidNamespace":"p"}'],
    ['a pid of another type', '{"pid":"1","started":"1","boot":"b","pidNamespace":"p"}'],
    ['too few members', '{"pid":1,"started":"1","boot":"b"}'],
    ['zeros', '\0\0\0\0'],
  ])('is left and the lock refused when it holds %s', async (_, text) => {
    putOld(text);
    await expect(lock()).rejects.toThrow(LockedError);
    await expect(lock()).rejects.toThrow(join(directory, 'lock.json'));
    expect(readFileSync(join(directory, 'lock.json'), 'utf8')).toBe(text);
  });
});

describe('a stale lock that several processes want at once', () => {
  const seed = Date.now() % 2 ** 31;

  it('goes to exactly one, however many takers died before', async () => {
    const place = await placeHere();
    const programs = Array.from({ length: 12 }, (_, i) => halting(seed + i, 0) + TAKER);
    const racers = await Promise.all(programs.map((program) => startTaker({ program })));
    for (let round = 0; round < 36; round++) {
      const prize = newDirectory(`round-${round}`);
      // Every fourth directory has had no holder.
      if (round % 4 < 3) await putDead(prize, round % 4, place);
      const ends = await Promise.all(racers.map((racer) => racer.take(prize)));
      const winners = racers.filter((_, i) => ends[i] === 'taken');
      const story = `seed ${seed}, round ${round}: ${ends.join('; ')}`;
      expect(winners.length, story).toBe(1);
      expect(pidOf(prize)).toBe(winners[0]!.child.pid);
      for (const end of ends) expect(end, story).toMatch(/^(taken$|LockedError: .* is in use by )/);
      expect(readdirSync(prize).sort()).toEqual(expectedFiles(prize));
    }
  });

  it('goes to at most one of many that die, and then to a later process', async () => {
    const place = await placeHere();
    const later = await startTaker();
    let racers: Taker[] = [];
    let died = 0;
    for (let round = 0; round < 6; round++) {
      const missing = Array.from({ length: 8 - racers.length }, (_, i) => seed + 8 * round + i);
      const programs = missing.map((of) => halting(of, 0.06) + TAKER);
      racers.push(...(await Promise.all(programs.map((program) => startTaker({ program })))));
      const prize = newDirectory(`round-${round}`);
      if (round % 2 === 0) await putDead(prize, 0, place);
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
