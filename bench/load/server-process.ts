// A registry to put load on, in a process of its own, and what the system and the server itself say of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseRegCred, type RegCred } from '../../src/wire/reg-cred.ts';

/** Kernel clock ticks a second: what /proc counts CPU time in, on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** A server started for a measurement. */
export class ServerProcess {
  readonly regCred: RegCred;
  readonly #child: ChildProcess;
  readonly #adminAddress: string;
  readonly #directory: string;

  private constructor(child: ChildProcess, regCred: RegCred, adminAddress: string, directory: string) {
    this.#child = child;
    this.regCred = regCred;
    this.#adminAddress = adminAddress;
    this.#directory = directory;
  }

  /** Starts the build that lies beside this one, on loopback, with further flags of `xlreg serve`. */
  static async start(flags: readonly string[]): Promise<ServerProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'xlreg-bench-'));
    const listeners = ['--tcp', '127.0.0.1:0', '--ws', 'off', '--admin', '127.0.0.1:0'];
    const program = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
    const child = spawn(process.execPath, [program, 'serve', '--data-dir', directory, ...listeners, ...flags], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const admin = /^ready .*admin=(\S+)/.exec(line)?.[1];
      if (admin === undefined) continue;
      const regCred = parseRegCred(await readFile(join(directory, 'regCred.dat'), 'ascii'));
      return new ServerProcess(child, regCred, admin, directory);
    }
    throw new Error('the server did not start');
  }

  /** Host and port of raw TCP. */
  get endPoint(): [string, number] {
    const [host, port] = this.regCred.endPoints[0]!.split(':');
    return [host!, Number(port)];
  }

  /** CPU seconds the process has used, in user mode and in the kernel. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'ascii');
    // Behind the command's name, which is in parentheses and may hold anything: fields 14 and 15 of the line.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const page = await (await fetch(`http://${this.#adminAddress}/metrics`)).text();
    const line = page.split('\n').find((line) => line.startsWith(`${name} `));
    if (line === undefined) throw new Error(`no metric ${name}`);
    return Number(line.slice(name.length + 1));
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    await rm(this.#directory, { recursive: true });
  }
}
