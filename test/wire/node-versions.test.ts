// The vectors under the other supported versions of Node, since versions differ in the keys that node:crypto accepts.
// Skipped with a line on the console if npm cannot install a version.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';
import { cachedNode } from '../support/node-versions.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const [running] = process.versions.node.split('.');
const others = ['20', '22', '24'].filter((major) => major !== running);
/** Without the variables by which a test runner knows that it is inside another. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));

/** The part of Vitest's JSON report that the test reads. */
interface Report {
  readonly numPassedTests: number;
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly name: string }[];
}

describe.concurrent('the vectors of Noise and of the sealed dialect', () => {
  it.for(others)('pass under Node %s', { timeout: 120_000 }, async (major, { expect, skip }) => {
    const node = await cachedNode(major);
    if (node === undefined) return skip();
    expect((await run(node, ['--version'])).stdout).toMatch(`v${major}.`);
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.vectors.config.ts'];
    const { stdout } = await run(node, vitest, { cwd: root, env }).catch((failed: { stdout: string }) => failed);
    const report = JSON.parse(stdout) as Report;
    const files = report.testResults.map(({ name }) => name.slice(root.length)).sort();
    expect(files).toEqual([
      ...['test/noise/noise.test.ts', 'test/noise/opponent.test.ts', 'test/wire/sealed-vectors.test.ts'],
    ]);
    expect(report.numPassedTests, stdout).toBe(report.numTotalTests);
  });
});
