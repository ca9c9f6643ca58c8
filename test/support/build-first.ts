// Builds dist/ once before any test file runs: tests that spawn the server spawn what a user would run.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Vitest's global setup: throws with the build's output when the build fails. */
export default function buildFirst(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, encoding: 'utf8' });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) {
    throw new Error(`node scripts/build.mjs ended with ${built.status}:\n${built.stdout}${built.stderr}`);
  }
}
