// Bounds connections by the limit of open files. A listener at that limit can neither accept nor refuse a connection.
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';
import { CONNECTIONS_MAX, CONNECTIONS_MIN, OTHER_FILES } from '../limits.ts';

/**
 * Returns `wanted`, or less if the limit of open files requires it. Throws ConfigError if the result would be less than
 * both `wanted` and CONNECTIONS_MIN.
 */
export function connectionsPossible(wanted: number): number {
  const files = openFilesMax();
  const needed = Math.min(wanted, CONNECTIONS_MIN) + OTHER_FILES;
  if (files < needed) {
    const advice = 'raise it with ulimit -n or LimitNOFILE= of systemd';
    throw new ConfigError(`the limit of open files is ${files}, but at least ${needed} are needed: ${advice}`);
  }
  return Math.min(wanted, files - OTHER_FILES);
}

/** The most connections that `--max-connections` can allow while the process runs. */
export function connectionsEver(): number {
  return Math.max(1, Math.min(CONNECTIONS_MAX, openFilesMax() - OTHER_FILES));
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
