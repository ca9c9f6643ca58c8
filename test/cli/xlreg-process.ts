// The command line as its users run it: the built main.js in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseRegCred } from '../../src/index.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const STATE = 'state';
const WHOLE_RUN_TIMEOUT_MS = 25_000;

/** Where the home of a member is by default when a command runs in `cwd` with these credentials. */
export function homeIn(cwd: string, regCredText: string, member: string): string {
  return join(cwd, STATE, 'xlreg', Buffer.from(parseRegCred(regCredText).id).toString('hex'), member);
}

/** Where a command runs. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment, from which the test's own XLREG_* are taken out. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command did. */
export interface Ran {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningXlreg {
  readonly child: ChildProcess;
  /** Resolves when standard error has matched; rejects if the command ends without that. */
  said(pattern: RegExp): Promise<void>;
  readonly ended: Promise<Ran>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a command. */
export function startXlreg(args: readonly string[], { cwd, env = {} }: RunOptions = {}): RunningXlreg {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...cleanEnv(), XDG_STATE_HOME: join(cwd ?? tmpdir(), STATE), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: WHOLE_RUN_TIMEOUT_MS,
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

/** Runs a command to its end. */
export function runXlreg(args: readonly string[], options?: RunOptions): Promise<Ran> {
  return startXlreg(args, options).ended;
}

function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(XLREG_|VITEST)|^NODE_ENV$/.test(name)));
}
