// Prometheus and promtool as Debian has them: those that are installed, or the package unpacked into node_modules/.cache,
// where nothing of it is started and nobody has to be root.

import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/xlreg-prometheus', import.meta.url));
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Paths of the two programs. */
export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Undefined, with the reason on the console, where they cannot be had. */
export function prometheusPrograms(): PrometheusPrograms | undefined {
  const found = find((process.env.PATH ?? '').split(delimiter)) ?? find([join(CACHE, 'usr/bin')]);
  if (found) return found;
  try {
    unpackDebianPackage();
  } catch (error) {
    console.log(`SKIPPED, Debian's package prometheus cannot be had here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return find([join(CACHE, 'usr/bin')]);
}

function find(folders: readonly string[]): PrometheusPrograms | undefined {
  const [prometheus, promtool] = ['prometheus', 'promtool'].map((name) =>
    folders.map((folder) => join(folder, name)).find(isExecutable),
  );
  return prometheus && promtool ? { prometheus, promtool } : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Appears in the cache as a whole or not at all: test files that run side by side may all do it. */
function unpackDebianPackage(): void {
  mkdirSync(dirname(CACHE), { recursive: true });
  const own = mkdtempSync(`${CACHE}-`);
  try {
    unpackInto(own);
    renameSync(own, CACHE);
  } catch (error) {
    rmSync(own, { recursive: true });
    if (!find([join(CACHE, 'usr/bin')])) throw error;
  }
}

function unpackInto(folder: string): void {
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: 'pipe', timeout: DOWNLOAD_TIMEOUT_MS });
  try {
    run('apt-get', ['download', 'prometheus']);
  } catch (error) {
    // The lists of packages may be missing or old, which only root can mend.
    if (process.getuid?.() !== 0) throw error;
    run('apt-get', ['update']);
    run('apt-get', ['download', 'prometheus']);
  }
  const file = readdirSync(folder).find((name) => name.endsWith('.deb'))!;
  run('dpkg-deb', ['-x', file, '.']);
}
