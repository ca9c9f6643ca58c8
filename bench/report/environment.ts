// The environment of a run. Figures mean nothing without it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The machine, the code and the time of a run. */
export interface Environment {
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly openssl: string;
  /** Commit of the checkout; `unknown` outside one. */
  readonly commit: string;
  /** True if files differed from that commit. */
  readonly dirty: boolean;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** One-minute load average before the run: other load on the machine. */
  readonly loadAverage: number;
}

/** Reads the environment of this process. */
export function readEnvironment(): Environment {
  return {
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    openssl: process.versions.openssl,
    commit: git('rev-parse', 'HEAD') ?? 'unknown',
    dirty: git('status', '--porcelain') !== '',
    date: new Date().toISOString(),
    loadAverage: Number(readFileSync('/proc/loadavg', 'ascii').split(' ', 1)[0]),
  };
}

/** Output of a git command in the checkout; undefined if it fails. */
function git(...args: string[]): string | undefined {
  const top = fileURLToPath(new URL('../../..', import.meta.url));
  const result = spawnSync('git', args, { cwd: top, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : undefined;
}
