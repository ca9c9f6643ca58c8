// The tutorial's commands, in its order on a terminal, print what the page shows. IDs and homes differ.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningXlreg, runXlregOnTerminal, startXlreg } from '../cli/xlreg-process.ts';
import { giveKeys } from '../support/made-keys.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { hasTerminal } from '../support/terminal.ts';

const page = await readFile(resolve(import.meta.dirname, '../../docs/tutorial/first-cluster.md'), 'utf8');
/** The page's commands with the output below each; `&` ends one that runs in the background. */
const commands = page
  .slice(page.indexOf('## 2.'), page.indexOf('## Next'))
  .split(/^ {4}\.\/xlreg /m)
  .slice(1);

let registry: RegistryProcess;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-tutorial-'));
  const dataDir = join(directory, 'xlreg-data');
  await mkdir(dataDir, { mode: 0o700 });
  await giveKeys(dataDir);
  registry = await startRegistry({ dataDir });
});
afterAll(async () => {
  await registry.stop();
  await rm(directory, { recursive: true });
});

/** The lines that the page shows below a command. `…` stands for any lines. */
const shownBelow = (text: string): string[] => /```\n([\s\S]*?)```/.exec(text)?.[1]?.trimEnd().split('\n') ?? [];

/** A line without what differs between runs: IDs, the width of columns, and the home. */
const general = (line: string): string =>
  line
    .replace(/[0-9a-f]{64}|[0-9a-f]{16}…/g, 'ID')
    .replace(/^home .*/, 'home')
    .replace(/ +/g, ' ');

it.skipIf(!hasTerminal)(
  'prints what the page shows, and ends with the exit codes that it names',
  async () => {
    const options = { cwd: directory, env: { XLREG_ADMIN: `127.0.0.1:${registry.adminPort}` }, timeoutMs: 70_000 };
    const waiting: RunningXlreg[] = [];
    let printed: string[] = [];
    for (const text of commands) {
      const [command] = text.split('\n', 1) as [string];
      const args = command.replace(/ &$/, '').split(' ');
      const shown = shownBelow(text).filter((line) => line !== '…');
      if (command.endsWith(' &')) {
        waiting.push(startXlreg(args, options));
        for (const line of shown) await Promise.any(waiting.map(({ said }) => said(new RegExp(`^${line}$`, 'm'))));
        continue;
      }
      const { code, text: screen } = await runXlregOnTerminal(`xlreg ${command}`, options);
      expect({ command, screen, code }).toMatchObject({
        code: shown.some((line) => /^xlreg \w+: /.test(line)) ? 1 : 0,
      });
      // A rewritten line begins like this.
      printed.push(...screen.replaceAll('\r\x1b[K', '\n').split('\n').map(general));
      if (shown.length === 0) continue;
      expect(printed, command).toEqual(expect.arrayContaining(shown.map(general)));
      printed = [];
    }
    expect(commands.length).toBe(9);
    for (const { ended } of waiting) expect(await ended).toMatchObject({ code: 0 });
    expect(await registry.exited).toBe(0);
  },
  120_000,
);
