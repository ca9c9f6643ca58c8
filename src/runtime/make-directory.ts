// Making a directory with its parents. mkdir's own `recursive` loops for ever where a parent is there and yet mkdir says ENOENT,
// as below /proc.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Makes `path` and the parents that are missing, each with `mode`. Leaves what is there as it is. Throws what mkdir says. */
export function makeDirectory(path: string, mode: number): void {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at); at = dirname(at)) missing.unshift(at);
  for (const at of missing) {
    try {
      mkdirSync(at, { mode });
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if (!(existsSync(at) && statSync(at).isDirectory())) throw error;
    }
  }
}
