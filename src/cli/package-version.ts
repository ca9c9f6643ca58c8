// The version in package.json, which is above both src/ and dist/src/.
import { readFileSync } from 'node:fs';

/** Like `0.1.0`. */
export function packageVersion(): string {
  const path = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
}
