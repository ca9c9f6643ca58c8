// How many connections the process can have at all: each is an open file, and a listener that cannot open another neither
// accepts nor refuses.
import { readFileSync } from 'node:fs';

/** Files that are not connections of sessions: the store, threads, listeners, those who scrape or ask for regCred.dat. */
const OTHER_FILES = 256;

/** Connections that the system's limit leaves room for; as many as one likes where it does not tell. */
export function connectionsPossible(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'ascii');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(soft) - OTHER_FILES);
}
