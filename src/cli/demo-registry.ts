// The registry of `xlreg demo`: `xlreg serve` of this build in a child process, on free ports of the loopback.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OperatorError } from './operator-error.ts';

const READY_TIMEOUT_MS = 30_000;
/** Far above the longest drain with default settings. */
const STOP_TIMEOUT_MS = 30_000;
const ERROR_CHARS_MAX = 4_000;

/** The addresses of a registry, each `HOST:PORT`. */
export interface DemoAddresses {
  readonly tcp: string;
  readonly ws: string;
  readonly admin: string;
}

const FREE_PORTS: DemoAddresses = { tcp: '127.0.0.1:0', ws: '127.0.0.1:0', admin: '127.0.0.1:0' };

/** A running registry. */
export class DemoRegistry {
  readonly addresses: DemoAddresses;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcessByStdio<null, Readable, Readable>, addresses: DemoAddresses) {
    this.#child = child;
    this.#closed = once(child, 'close');
    this.addresses = addresses;
  }

  /** Starts a registry on free ports, or again on those of before. Rejects with OperatorError. */
  static async start(dataDirectory: string, at: DemoAddresses = FREE_PORTS): Promise<DemoRegistry> {
    const main = fileURLToPath(new URL('./main.js', import.meta.url));
    const listen = ['--tcp', at.tcp, '--ws', at.ws, '--admin', at.admin];
    const args = [main, 'serve', ...listen, '--data-dir', dataDirectory, '--log-level', 'warn'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: ownEnvironment() });
    const end = () => child.kill('SIGKILL');
    // Before the demo removes the directory.
    process.prependOnceListener('exit', end);
    child.once('exit', () => process.off('exit', end));
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-ERROR_CHARS_MAX);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_TIMEOUT_MS);
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const address = (name: string) => new RegExp(` ${name}=(\\S+)`).exec(line)?.[1];
        const [tcp, ws, admin] = [address('tcp'), address('ws'), address('admin')];
        if (line.startsWith('ready ') && tcp && ws && admin) {
          child.stdout.resume();
          return new DemoRegistry(child, { tcp, ws, admin });
        }
      }
    } finally {
      clearTimeout(timer);
    }
    throw new OperatorError(`the registry did not start: ${errors.trim()}`, 1);
  }

  /** Stops it in order. Rejects with OperatorError if it does not end with 0. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#closed;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0) throw new OperatorError(`the registry ended with ${signalCode ?? exitCode}`, 1);
  }

  /** The samples of a metric, one line each. */
  async metric(name: string, signal: AbortSignal): Promise<string[]> {
    const response = await fetch(`http://${this.addresses.admin}/metrics`, { signal });
    const lines = (await response.text()).split('\n');
    return lines.filter((line) => line.startsWith(`${name}{`));
  }
}

/** The environment without settings, which would change the demo's registry. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('XLREG_')));
}
