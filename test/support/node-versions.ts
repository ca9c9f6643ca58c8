// Other versions of Node, from npm.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
