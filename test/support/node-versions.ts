// Other versions of Node, from npm.
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url));

/** The major versions that the packages support. */
export const NODE_MAJORS = ['20', '22', '24', '26'] as const;

/** A version of Node in a folder that the caller removes. */
export interface InstalledNode {
  readonly program: string;
  readonly folder: string;
}

/**
 * Installs the latest version of a major into a new folder, 100 MB. Resolves to undefined and logs the reason if npm
 * cannot within `timeoutMs`.
 */
export async function installNode(major: string, timeoutMs = 60_000): Promise<InstalledNode | undefined> {
  const name = `node-${process.platform}-${process.arch}`;
  const folder = mkdtempSync(join(tmpdir(), 'xlreg-node-'));
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--fetch-retries=0'];
  try {
    await run('npm', ['install', ...flags, '--prefix', folder, `${name}@${major}`], { timeout: timeoutMs });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    console.log(`skipped: npm cannot install ${name}@${major}: ${(error as Error).message}`);
    return undefined;
  }
  return { program: join(folder, 'node_modules', name, 'bin/node'), folder };
}

/** The program of a major version, installed once for a checkout. Resolves to undefined like installNode(). */
export async function cachedNode(major: string): Promise<string | undefined> {
  const kept = join(CACHE, `node-${major}`);
  if (existsSync(kept)) return kept;
  const installed = await installNode(major);
  if (installed === undefined) return undefined;
  mkdirSync(CACHE, { recursive: true });
  // Another test may install the same version.
  const copy = join(mkdtempSync(join(CACHE, 'new-')), 'node');
  copyFileSync(installed.program, copy);
  renameSync(copy, kept);
  for (const folder of [installed.folder, dirname(copy)]) rmSync(folder, { recursive: true });
  return kept;
}
