// A registry as its users run it: the built command line in its own process, on free ports of the loopback. The process
// belongs to the test that started it, and dies with the test process.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { giveKeys } from './made-keys.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const READY_TIMEOUT_MS = 20_000;

/** How to start a registry. */
export interface RegistryOptions {
  /** Flags behind those of every test registry; a repeated flag replaces the earlier one. */
  readonly args?: readonly string[];
  /** A data directory, which `stop` keeps. By default a new one, which `stop` deletes. An empty one gets ready keys. */
  readonly dataDir?: string;
  /** The registry makes its keys itself; by default it finds ready ones. */
  readonly makesKeys?: boolean;
  /** The system's limit of open files for it. */
  readonly openFilesMax?: number;
  /** A file descriptor for its standard error; `stderr()` is then empty. */
  readonly stderr?: number;
  /** A command that runs the registry given as its further arguments, such as one that makes namespaces. */
  readonly within?: readonly string[];
  /** Milliseconds until it must be ready; 20,000 by default. */
  readonly readyTimeoutMs?: number;
  /** Environment variables to add. No `XLREG_*` of the test's own environment reaches the child. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running registry. */
export interface RegistryProcess {
  readonly pid: number;
  readonly tcpPort: number;
  readonly wsPort: number;
  readonly adminPort: number;
  readonly dataDir: string;
  /** The regCred.dat that this registry's clients get. */
  readonly regCredText: string;
  /** Its standard output so far. */
  stdout(): string;
  /** Its standard error so far. */
  stderr(): string;
  /** The current text of /metrics. */
  metrics(): Promise<string>;
  /** Resolves with its exit code when the process has ended; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  /** The signal that ended it, if one did. */
  endedBy(): NodeJS.Signals | null;
  /** Sends the signal, waits for the end, and deletes the data directory that this module made. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a registry. Rejects with its standard error if it ends early or is not ready in time. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'xlreg-test-')));
  if (!options.makesKeys) await giveKeys(dataDir);
  const removeDataDir = async (): Promise<void> => {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
  };
  const limit = options.openFilesMax === undefined ? '' : `ulimit -n ${options.openFilesMax} && `;
  const command = ['-c', `${limit}exec "$@"`, 'sh', ...(options.within ?? []), process.execPath, MAIN, 'serve'];
  const child = spawn('sh', [...command, ...flags(dataDir, options.args ?? [])], {
    env: { ...cleanEnv(), ...options.env },
    stdio: ['ignore', 'pipe', options.stderr ?? 'pipe'],
  });
  running.add(child);
  let out = '';
  let err = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code: number | null) => resolve(code));
  }).finally(() => running.delete(child));
  exited.catch(() => {});

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal);
    const code = await exited;
    await removeDataDir();
    return code;
  };
  try {
    const ready = await readyLine(child, exited, () => out, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
    return {
      pid: child.pid!,
      tcpPort: port(ready, 'tcp'),
      wsPort: port(ready, 'ws'),
      adminPort: port(ready, 'admin'),
      dataDir,
      regCredText: await readFile(join(dataDir, 'regCred.dat'), 'latin1'),
      stdout: () => out,
      stderr: () => err,
      async metrics() {
        const response = await fetch(`http://127.0.0.1:${port(ready, 'admin')}/metrics`);
        if (!response.ok) throw new Error(`/metrics answers ${response.status}`);
        return response.text();
      },
      exited,
      endedBy: () => child.signalCode,
      stop,
    };
  } catch (cause) {
    await stop('SIGKILL').catch(() => {});
    throw new Error(`the registry did not start: ${(cause as Error).message}\n${err}`, { cause });
  }
}

/** The flags of a test registry, without those that `args` repeats. */
function flags(dataDir: string, args: readonly string[]): string[] {
  const defaults = [
    ['--data-dir', dataDir],
    ['--tcp', '127.0.0.1:0'],
    ['--ws', '127.0.0.1:0'],
    ['--admin', '127.0.0.1:0'],
    ['--store', 'memory'],
    // Each further thread costs a tenth of a start. Tests of several workers ask for them.
    ['--workers', '1'],
  ];
  const given = new Set(args.map((arg) => arg.split('=', 1)[0]));
  return [...defaults.filter(([flag]) => !given.has(flag)).flat(), ...args];
}

/** This process's environment without the variables that a user's shell would not have. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(XLREG_|VITEST)|^NODE_ENV$/.test(name)));
}

async function readyLine(
  child: ChildProcess,
  exited: Promise<number | null>,
  out: () => string,
  timeoutMs: number,
): Promise<string> {
  const give = AbortSignal.timeout(timeoutMs);
  const early = exited.then((code) => {
    throw new Error(`it ended with ${child.signalCode ?? code}`);
  });
  early.catch(() => {});
  for (;;) {
    const line = /^ready .*(?=\n)/m.exec(out());
    if (line !== null) return line[0];
    const more = once(child.stdout!, 'data', { signal: give }).catch(() => {
      throw new Error(`it was not ready after ${timeoutMs} ms`);
    });
    await Promise.race([more, early]);
  }
}

function port(ready: string, name: string): number {
  const found = new RegExp(` ${name}=\\S*:(\\d+)(?= |$)`).exec(ready);
  if (found === null) throw new Error(`no ${name}=HOST:PORT in '${ready}'`);
  return Number(found[1]);
}
