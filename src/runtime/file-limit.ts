// How many connections the process can have at all: each is an open file, and a listener that cannot open another neither
// accepts nor refuses.
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';
import { CONNECTIONS_MIN, OTHER_FILES } from '../limits.ts';

/**
 * `wanted` connections, or as many as the system's limit of open files leaves room for. Throws ConfigError where that is less than
 * CONNECTIONS_MIN and than what is wanted.
 */
export function connectionsPossible(wanted: number): number {
  const files = openFilesMax();
  const needed = Math.min(wanted, CONNECTIONS_MIN) + OTHER_FILES;
  if (files < needed) {
    const advice = 'raise it with ulimit -n or LimitNOFILE= of systemd';
    throw new ConfigError(`the limit of open files is ${files}; ${needed} are the least that are needed: ${advice}`);
  }
  return Math.min(wanted, files - OTHER_FILES);
}

/** Infinite where the system does not tell. */
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
