// Programs from Debian: the installed ones, or a package unpacked into node_modules/.cache. Unpacking starts no service
// and needs no root.

import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Paths of etcd and its client. Undefined if unavailable; the reason is on the console. */
export const etcdPrograms = () => debianPrograms(['etcd-server', 'etcd-client'], ['etcd', 'etcdctl']);
export type EtcdPrograms = Programs<'etcd' | 'etcdctl'>;

/** Paths of Prometheus and promtool. Undefined if unavailable; the reason is on the console. */
export const prometheusPrograms = () => debianPrograms(['prometheus'], ['prometheus', 'promtool']);

/** The path of HAProxy. Undefined if unavailable; the reason is on the console. */
export const haproxyProgram = () => debianPrograms(['haproxy'], ['haproxy']);

/** The path of zsh, and of fish, each with its functions. Undefined if unavailable; the reason is on the console. */
export const zshProgram = () => debianPrograms(['zsh', 'zsh-common'], ['zsh']);
export const fishProgram = () => debianPrograms(['fish', 'fish-common', 'libpcre2-32-0'], ['fish']);
/** The path of nginx. Undefined if unavailable; the reason is on the console. */
export const nginxProgram = () => debianPrograms(['nginx'], ['nginx']);

type Programs<Name extends string> = Readonly<Record<Name, string>>;

/** Paths of the packages' programs of these names, all from one place. */
function debianPrograms<Name extends string>(
  packages: readonly [string, ...string[]],
  names: readonly Name[],
): Programs<Name> | undefined {
  const cache = join(CACHE, `xlreg-${packages[0]}`);
  const inCache = () => find(names, [join(cache, 'usr/bin'), join(cache, 'usr/sbin'), join(cache, 'bin')]);
  // Debian's place for servers, which may be missing in a user's PATH.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const found = find(names, folders) ?? inCache();
  if (found) return found;
  try {
    unpackDebianPackages(packages, cache);
  } catch (error) {
    // Several test files may do this at the same time.
    const byAnother = inCache();
    if (byAnother) return byAnother;
    console.log(`SKIPPED, Debian's ${packages.join(', ')} cannot be had here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return inCache();
}

function find<Name extends string>(names: readonly Name[], folders: readonly string[]): Programs<Name> | undefined {
  const pathOf = (name: Name) => folders.map((folder) => join(folder, name)).find(isExecutable);
  const paths = names.map((name) => [name, pathOf(name)]);
  return paths.every(([, path]) => path) ? Object.fromEntries(paths) : undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Unpacks packages into a folder, which appears whole by one rename. */
function unpackDebianPackages(packages: readonly string[], folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const own = mkdtempSync(`${folder}-`);
  try {
    unpackInto(own, packages);
    renameSync(own, folder);
  } catch (error) {
    rmSync(own, { recursive: true });
    throw error;
  }
}

function unpackInto(folder: string, packages: readonly string[]): void {
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: 'pipe', timeout: DOWNLOAD_TIMEOUT_MS });
  try {
    run('apt-get', ['download', ...packages]);
  } catch (error) {
    // The lists of packages may be missing or old; only root can update them.
    if (process.getuid?.() !== 0) throw error;
    run('apt-get', ['update']);
    run('apt-get', ['download', ...packages]);
  }
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) run('dpkg-deb', ['-x', file, '.']);
}
