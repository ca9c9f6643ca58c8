// Once before any test file runs: dist/ is built, since tests that spawn the server spawn what a user would run, and some pairs of
// keys are made for registries.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MADE_KEYS, makeKeyPairs } from './made-keys.ts';

/** Vitest's global setup; returns what takes it back. */
export default async function beforeAll(): Promise<() => void> {
  build();
  const made = mkdtempSync(join(tmpdir(), 'xlreg-keys-'));
  await makeKeyPairs(made);
  process.env[MADE_KEYS] = made;
  return () => rmSync(made, { recursive: true });
}

/** Throws with the build's output when the build fails. */
function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, encoding: 'utf8' });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) {
    throw new Error(`node scripts/build.mjs ended with ${built.status}:\n${built.stdout}${built.stderr}`);
  }
}
