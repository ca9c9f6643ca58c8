// Debian's Chromium through playwright-core: the installed one, or, where allowed, the package installed now. A browser
// needs libraries and fonts beside it, so unpacking its package is not enough.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const INSTALL_TIMEOUT_MS = 240_000;

/** Undefined if unavailable; the reason is on the console. */
export function chromiumProgram(): string | undefined {
  const found = find();
  if (found) return found;
  try {
    if (process.getuid?.() !== 0) throw new Error('Chromium is not installed, and only root can install it');
    install();
  } catch (error) {
    console.log(`SKIPPED, Debian's package chromium cannot be had here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return find();
}

/** Starts it headless. */
export function launchChromium(executablePath: string): Promise<Browser> {
  // Its sandbox does not work for root, nor its shared memory in small containers.
  const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'];
  return chromium.launch({ executablePath, args });
}

function find(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'chromium')).find(existsSync);
}

function install(): void {
  const apt = (...args: string[]) =>
    execFileSync('apt-get', args, {
      stdio: 'pipe',
      timeout: INSTALL_TIMEOUT_MS,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  const wanted = ['install', '--yes', '--no-install-recommends', 'chromium'];
  try {
    apt(...wanted);
  } catch {
    // The lists of packages may be missing or old.
    apt('update');
    apt(...wanted);
  }
}
