// Reads the version from package.json, whose path differs between src/ and dist/src/.
import { readFileSync } from 'node:fs';

/** The version, such as `0.1.0`. */
export function packageVersion(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}
