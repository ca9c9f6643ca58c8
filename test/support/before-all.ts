// Runs once before all test files. Builds dist/, since tests spawn the server that users run, and makes RSA keys.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { makeKeys } from './made-keys.ts';

/** Vitest's global setup. */
export default async function beforeAll(): Promise<void> {
  build();
  await makeKeys();
}

/** Builds dist/ if it is missing or stale; throws with the output of a failed build. */
function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const built = spawnSync(process.execPath, ['scripts/prepare.mjs'], { cwd: root, encoding: 'utf8' });
  if (built.error !== undefined) throw built.error;
  if (built.status !== 0) {
    throw new Error(`node scripts/prepare.mjs ended with ${built.status}:\n${built.stdout}${built.stderr}`);
  }
}
