// The output of a waiting member on a terminal, in its foreground and in its background.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { hasTerminal } from '../support/terminal.ts';
import { runXlreg, runXlregOnTerminal } from './xlreg-process.ts';

describe.skipIf(!hasTerminal)('xlreg join --wait on a terminal', () => {
  let registry: RegistryProcess;
  let directory: string;
  beforeAll(async () => {
    registry = await startRegistry();
    directory = await mkdtemp(join(tmpdir(), 'xlreg-terminal-'));
  });
  afterAll(async () => {
    expect(await registry.stop()).toBe(0);
    await rm(directory, { recursive: true });
  });

  /** The terminal of a member while a cluster of two forms, from a shell that runs the given command. */
  async function screenOf(cluster: string, commandOf: (join: string) => string): Promise<string> {
    const options = { cwd: directory, env: { XLREG_DATA_DIR: registry.dataDir } };
    const joinAs = (name: string) =>
      `join ${cluster} --create --size 2 --name ${name} --end-point 127.0.0.1:1 --wait 20`;
    const [{ text }, other] = await Promise.all([
      runXlregOnTerminal(commandOf(`xlreg ${joinAs('seen')}`), options),
      runXlreg(joinAs('other').split(' '), options),
    ]);
    expect(other).toMatchObject({ code: 0 });
    return text;
  }

  it('rewrites one line in the foreground', async () => {
    const screen = await screenOf('front', (join) => join);
    expect(screen.replaceAll('\r\x1b[K', 'REWRITTEN')).toMatch(/REWRITTEN2 of 2 members; [a-z]+, [a-z]+\n/);
  });

  it('prints whole lines in the background, so that it spares the prompt', async () => {
    // -m: the shell gives each job a process group of its own.
    const screen = await screenOf('back', (join) => `sh -mc "${join} & wait"`);
    expect(screen).toMatch(/^[a-z, ]+ joined; 2 of 2 members\n/m);
    expect(screen).not.toContain('\x1b[K');
  });
});
