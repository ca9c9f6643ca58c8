// The name of a thread for tools of the system, such as `top -H` and `perf`.
import { writeFileSync } from 'node:fs';

/** Names the calling thread. Linux cuts names after 15 bytes. Does nothing elsewhere. */
export function nameThread(name: string): void {
  try {
    writeFileSync('/proc/thread-self/comm', name);
  } catch {
    // Names are for diagnosis only.
  }
}
