// Several front ends under Node 22, where the running Node has none. Skipped with a line on the console if npm cannot
// install it.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { canSharePorts } from '../../src/runtime/port-sharing.ts';
import { cachedNode } from '../support/node-versions.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Without the variables by which a test runner knows that it is inside another. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));

it('shares ports on Linux from Node 22.12 on, and from 23.1 on', () => {
  const versions = ['20.19.0', '22.11.0', '22.12.0', '23.0.0', '23.1.0', '24.0.0'];
  expect(versions.map((version) => canSharePorts(version, 'linux'))).toEqual([false, false, true, false, true, true]);
  expect(canSharePorts('24.0.0', 'darwin')).toBe(false);
});

it.skipIf(canSharePorts())('serves by several front ends under Node 22', { timeout: 300_000 }, async ({ skip }) => {
  const node = await cachedNode('22');
  if (node === undefined) return skip();
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.fronts.config.ts'];
  const { stdout } = await promisify(execFile)(node, vitest, { cwd: root, env, maxBuffer: 2 ** 24 }).catch(
    (failed: { stdout: string }) => failed,
  );
  const report = JSON.parse(stdout.slice(stdout.indexOf('{"numTotalTestSuites"')));
  expect(report.numPassedTests, stdout).toBe(report.numTotalTests);
  expect(report.numTotalTests).toBeGreaterThan(9);
});
