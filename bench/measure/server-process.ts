// The registry under load: a server process of this build, or one that is already running.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseRegCred, type RegCred } from '../../src/wire/reg-cred.ts';
import { collectGarbage } from './collect-garbage.ts';
import { processCpuSeconds, residentBytes } from './process-readings.ts';

/** A running registry. */
export interface Target {
  readonly pid: number;
  /** Its public credentials, as regCred.dat. */
  readonly regCredText: string;
  /** Its WebSocket URL; undefined if unknown or off. */
  readonly wsUrl: string | undefined;
}

/**
 * The target for a registry that already runs: its regCred.dat, process and WebSocket URL. Rejects if one is unusable.
 */
export async function runningTarget(file: string, pid: number, wsUrl: string | undefined): Promise<Target> {
  const regCredText = await readFile(file, 'ascii');
  const { endPoints } = parseRegCred(regCredText);
  if (endPoints.length === 0) throw new Error(`${file} names no end point to connect to`);
  await processCpuSeconds(pid);
  return { pid, regCredText, wsUrl };
}

/** A server started for a measurement. */
export class ServerProcess implements Target {
  readonly regCredText: string;
  readonly wsUrl: string;
  /** `http://host:port` of the admin port (`adminUrl`) and of the web port, which serves regCred.dat (`webUrl`). */
  readonly adminUrl: string;
  readonly webUrl: string;
  readonly #child: ChildProcess;
  readonly #directory: string;
  /** True if `start` made the directory; `stop` then removes it. */
  readonly #ownDirectory: boolean;
  readonly #inspectorUrl: string | undefined;

  private constructor(
    child: ChildProcess,
    regCredText: string,
    ready: ReadyLine,
    directory: string,
    own: boolean,
    inspectorUrl: string | undefined,
  ) {
    this.#child = child;
    this.regCredText = regCredText;
    this.wsUrl = `ws://${ready.ws}/xlreg`;
    this.webUrl = `http://${ready.ws}`;
    this.adminUrl = `http://${ready.admin}`;
    this.#directory = directory;
    this.#ownDirectory = own;
    this.#inspectorUrl = inspectorUrl;
  }

  /**
   * Starts the server of this build on loopback, with further flags of `xlreg serve`. Without `dataDirectory` it gets a
   * temporary one, which `stop` removes. `inspected` enables `collectGarbage`.
   */
  static async start(flags: readonly string[], dataDirectory?: string, inspected = false): Promise<ServerProcess> {
    const directory = dataDirectory ?? (await mkdtemp(join(tmpdir(), 'xlreg-bench-')));
    const listeners = ['--tcp', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
    const inspector = inspected ? ['--inspect=127.0.0.1:0'] : [];
    const args = [...inspector, program, 'serve', '--data-dir', directory, ...listeners, ...flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', inspected ? 'pipe' : 'ignore'] });
    // The server must not outlive this process.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const inspectorUrl = inspected ? await urlOfInspector(child) : undefined;
    const stdout = child.stdout!;
    for await (const line of createInterface({ input: stdout })) {
      const ready = readyLine(line);
      if (ready === undefined) continue;
      stdout.resume();
      const regCredText = await readFile(join(directory, 'regCred.dat'), 'ascii');
      return new ServerProcess(child, regCredText, ready, directory, dataDirectory === undefined, inspectorUrl);
    }
    throw new Error(`the server ended before it was ready; to see why, run: xlreg serve ${flags.join(' ')}`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get regCred(): RegCred {
    return parseRegCred(this.regCredText);
  }

  /** Cumulative histogram of the main thread's event loop delay: upper bounds in seconds, with their counts. */
  async eventLoopDelays(): Promise<[atMost: number, times: number][]> {
    const page = await (await fetch(`${this.adminUrl}/metrics`)).text();
    const buckets = /^xlreg_thread_event_loop_delay_seconds_bucket\{le="([^"]+)",thread="main"\} (\d+)$/gm;
    return [...page.matchAll(buckets)].map(([, le, times]) => [le === '+Inf' ? Infinity : Number(le), Number(times)]);
  }

  /** CPU seconds of the process, user and system time. */
  cpuSeconds(): Promise<number> {
    return processCpuSeconds(this.pid);
  }

  /** Resident memory of the process, in bytes. */
  residentBytes(): Promise<number> {
    return residentBytes(this.pid);
  }

  /** Forces a full garbage collection in all threads of an inspected server. */
  collectGarbage(): Promise<void> {
    if (this.#inspectorUrl === undefined) throw new Error('the server was not started with its inspector');
    return collectGarbage(this.#inspectorUrl);
  }

  /** The values of metrics. Each name includes its labels in braces, as on /metrics. Rejects if one is missing. */
  async metrics<Name extends string>(...names: Name[]): Promise<Record<Name, number>> {
    const page = await (await fetch(`${this.adminUrl}/metrics`)).text();
    const entries = names.map((name) => {
      const line = page.split('\n').find((line) => line.startsWith(`${name} `));
      if (line === undefined) throw new Error(`/metrics has no ${name}`);
      return [name, Number(line.slice(name.length + 1))];
    });
    return Object.fromEntries(entries) as Record<Name, number>;
  }

  /** The value of one metric; see `metrics`. */
  async metric(name: string): Promise<number> {
    return (await this.metrics(name))[name]!;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    if (this.#ownDirectory) await rm(this.#directory, { recursive: true });
  }
}

/** Runs `use` with a fresh server, and stops the server afterwards even if `use` rejects. */
export async function withServer<T>(
  flags: readonly string[],
  use: (server: ServerProcess) => Promise<T>,
  dataDirectory?: string,
  inspected = false,
): Promise<T> {
  const server = await ServerProcess.start(flags, dataDirectory, inspected);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** Reads the inspector's URL from stderr, and discards all other lines. */
function urlOfInspector(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stderr! });
  return new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const [, url] = /^Debugger listening on (ws:\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
    lines.once('close', () => reject(new Error('the server closed stderr before it printed the URL of its inspector')));
  });
}

interface ReadyLine {
  readonly ws: string;
  readonly admin: string;
}

/** Parses the line that the server prints when it is ready. */
function readyLine(line: string): ReadyLine | undefined {
  if (!line.startsWith('ready ')) return undefined;
  const fields = new Map(line.split(' ').map((field) => field.split('=', 2) as [string, string]));
  return { ws: fields.get('ws')!, admin: fields.get('admin')! };
}
