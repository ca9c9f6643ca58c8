// A real registry process for tests of commands, and a working directory for the commands.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { type Ran, type RunningXlreg, runXlreg, startXlreg } from './xlreg-process.ts';

export class CliRegistry {
  readonly process: RegistryProcess;
  /** The working directory of commands. */
  readonly directory: string;

  private constructor(process: RegistryProcess, directory: string) {
    this.process = process;
    this.directory = directory;
  }

  /** `args` are further flags of the registry. */
  static async start(args: readonly string[] = []): Promise<CliRegistry> {
    return new CliRegistry(await startRegistry({ args }), await mkdtemp(join(tmpdir(), 'xlreg-cli-')));
  }

  /** The path of its credentials. */
  get file(): string {
    return join(this.process.dataDir, 'regCred.dat');
  }

  /** The URL of its credentials. */
  get url(): string {
    return `http://127.0.0.1:${this.process.wsPort}/regCred.dat`;
  }

  /** Runs a command with this registry's credentials in its environment. */
  run(...args: readonly string[]): Promise<Ran> {
    return runXlreg(args, this.options);
  }

  start(...args: readonly string[]): RunningXlreg {
    return startXlreg(args, this.options);
  }

  /** Starts a command that may run so long. */
  startFor(timeoutMs: number, ...args: readonly string[]): RunningXlreg {
    return startXlreg(args, { ...this.options, timeoutMs });
  }

  /** The directory and environment of its commands. */
  get options() {
    return { cwd: this.directory, env: { XLREG_REGISTRY: this.file } };
  }

  async stop(): Promise<number | null> {
    await rm(this.directory, { recursive: true, force: true });
    return await this.process.stop();
  }
}
