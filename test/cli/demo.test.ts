// The demo: five members over both transports and dialects get one roster, and no file stays behind.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const DEMO = fileURLToPath(new URL('../../dist/src/cli/commands/demo.js', import.meta.url));

it('shows five members the same roster', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'xlreg-demo-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO], {
    env: { ...process.env, TMPDIR: directory },
  });
  const seen = stdout
    .split(/^.* sees\n/m)
    .slice(1)
    .map((text) => text.split('\n').slice(0, 5).join('\n'));
  expect(seen).toHaveLength(5);
  expect(new Set(seen).size).toBe(1);
  for (const name of ['alice', 'bob', 'carol', 'dave', 'erin']) expect(seen[0]).toContain(` ${name} `);
  expect(stdout).toContain('The registry has stopped with exit code 0.');
  expect(await readdir(directory)).toEqual([]);
});
