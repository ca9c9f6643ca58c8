// Makes a directory with its parents. Node's `recursive` option loops forever if a parent exists and mkdir still fails
// with ENOENT, as below /proc.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes `path` and its missing parents with `mode`. Leaves existing ones unchanged. Throws the error of mkdir. */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const at of missing) {
    try {
      mkdirSync(at, { mode });
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!(existsSync(at) && statSync(at).isDirectory())) throw error;
    }
  }
}
