// etcd as Debian has it: the one that is installed, or the package unpacked into node_modules/.cache, where nothing of it is
// started and nobody has to be root.

import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/xlreg-etcd', import.meta.url));
const PACKAGES = ['etcd-server', 'etcd-client'];
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Paths of the two programs. */
export interface EtcdPrograms {
  readonly etcd: string;
  readonly etcdctl: string;
}

/** Undefined, with the reason on the console, where they cannot be had. */
export function etcdPrograms(): EtcdPrograms | undefined {
  const found = find((process.env.PATH ?? '').split(delimiter)) ?? find([join(CACHE, 'usr/bin')]);
  if (found) return found;
  try {
    unpackDebianPackages();
  } catch (error) {
    console.log(`SKIPPED, Debian's package etcd-server cannot be had here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return find([join(CACHE, 'usr/bin')]);
}

function find(folders: readonly string[]): EtcdPrograms | undefined {
  const [etcd, etcdctl] = ['etcd', 'etcdctl'].map((name) =>
    folders.map((folder) => join(folder, name)).find(isExecutable),
  );
  return etcd && etcdctl ? { etcd, etcdctl } : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** They appear in the cache as a whole or not at all: test files that run side by side may all do it. */
function unpackDebianPackages(): void {
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
    run('apt-get', ['download', ...PACKAGES]);
  } catch (error) {
    // The lists of packages may be missing or old, which only root can mend.
    if (process.getuid?.() !== 0) throw error;
    run('apt-get', ['update']);
    run('apt-get', ['download', ...PACKAGES]);
  }
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) run('dpkg-deb', ['-x', file, '.']);
}
