// The command line as users run it: the built main.js in its own process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseRegCred } from '../../src/index.ts';
import { makeHome } from '../support/new-member.ts';
import { type OnTerminal, runOnTerminal } from '../support/terminal.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const STATE = 'state';
const RUN_TIMEOUT_MS = 50_000;

/** The default home of a member for a command that runs in `cwd` with these credentials. */
export function homeIn(cwd: string, regCredText: string, member: string): string {
  return join(cwd, STATE, 'xlreg', Buffer.from(parseRegCred(regCredText).id).toString('hex'), member);
}

/** How a command runs. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to the test's environment without its XLREG_* variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the command is killed; 50,000 by default. */
  readonly timeoutMs?: number;
  /** `xlreg join` makes its home itself; by default it finds a new one with ready keys. */
  readonly makesKeys?: boolean;
}

/** The result of a command. */
export interface Ran {
  /** Null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface RunningXlreg {
  readonly child: ChildProcess;
  /** Resolves when standard error matches; rejects if the command ends without a match. */
  said(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ran>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a command. */
export function startXlreg(
  args: readonly string[],
  { cwd, env = {}, timeoutMs = RUN_TIMEOUT_MS, makesKeys = false }: RunOptions = {},
): RunningXlreg {
  if (args[0] === 'join' && !makesKeys) prepareHome(args, cwd, env);
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: environmentOf(cwd, env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return { code, stdout, stderr };
  });
  return {
    child,
    ended,
    async said(pattern) {
      const early = ended.then((ran) => {
        if (!pattern.test(ran.stderr)) throw new Error(`it ended with ${ran.code} and said: ${ran.stderr}`);
      });
      while (!pattern.test(stderr)) await Promise.race([once(child.stderr, 'data'), early]);
    },
  };
}

/** Runs a command to its end on a terminal of its own, through sh. `xlreg` in it stands for the command line. */
export function runXlregOnTerminal(
  command: string,
  { cwd = tmpdir(), env = {} }: RunOptions = {},
): Promise<OnTerminal> {
  const program = `'${process.execPath}' '${MAIN}'`;
  return runOnTerminal(
    command.replaceAll(/\bxlreg\b/g, () => program),
    cwd,
    environmentOf(cwd, env),
  );
}

/** Runs a command to its end. */
export function runXlreg(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return startXlreg(args, options).ended;
}

/** Makes the home that a join would make, if its flags are plain. Making its keys would take half of the join's time. */
function prepareHome(args: readonly string[], cwd = tmpdir(), env: Readonly<Record<string, string>>): void {
  const value = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const [member, registry] = [value('--name'), value('--registry') ?? env.XLREG_REGISTRY];
  if (member === undefined || registry === undefined || env.XDG_STATE_HOME !== undefined) return;
  const [file, former] = [resolve(cwd, registry), join(cwd, 'xlreg-home', member)];
  if (!existsSync(file) || existsSync(former)) return;
  const home = resolve(cwd, value('--home') ?? homeIn(cwd, readFileSync(file, 'latin1'), member));
  if (!existsSync(home)) makeHome(home, member);
}

function environmentOf(cwd: string | undefined, env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...cleanEnv(), XDG_STATE_HOME: join(cwd ?? tmpdir(), STATE), ...env };
}

function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(XLREG_|VITEST)|^NODE_ENV$/.test(name)));
}
