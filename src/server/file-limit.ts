// Bounds connections by the limit of open files. A listener at that limit can neither accept nor refuse a connection.
import { readFileSync } from 'node:fs';
import { type Config, ConfigError } from '../config.ts';
import { CONNECTIONS_MAX, CONNECTIONS_MIN, FILES_PER_THREAD, OTHER_FILES } from '../limits.ts';

/** The settings that decide how many files the threads need. */
type Threads = Pick<Config, 'workers' | 'fronts'>;

/**
 * Returns `maxConnections`, or less if the limit of open files requires it. Throws ConfigError if the result would be
 * less than both `maxConnections` and CONNECTIONS_MIN.
 */
export function connectionsPossible({ maxConnections, ...threads }: Threads & Pick<Config, 'maxConnections'>): number {
  const files = openFilesMax();
  const reserved = reservedFiles(threads);
  const needed = Math.min(maxConnections, CONNECTIONS_MIN) + reserved;
  if (files < needed) {
    const advice = 'raise it with ulimit -n or LimitNOFILE= of systemd';
    throw new ConfigError(`the limit of open files is ${files}, but at least ${needed} are needed: ${advice}`);
  }
  return Math.min(maxConnections, files - reserved);
}

/** The most connections that `--max-connections` can allow while the process runs. */
export function connectionsEver(threads: Threads): number {
  return Math.max(1, Math.min(CONNECTIONS_MAX, openFilesMax() - reservedFiles(threads)));
}

/** Files for anything but connections. */
function reservedFiles({ workers, fronts }: Threads): number {
  return OTHER_FILES + FILES_PER_THREAD * (workers + fronts);
}

/** Infinity without /proc or without a limit. */
function openFilesMax(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'ascii');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
