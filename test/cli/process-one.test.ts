// A client command as process 1, as in a container: the kernel applies no default action to its signals.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const NEW_PIDS = ['--map-root-user', '--pid', '--fork', '--kill-child'];
const canUnshare = spawnSync('unshare', [...NEW_PIDS, 'true']).status === 0;
if (!canUnshare) console.warn('skipped: unshare --pid is not allowed here, so no command can be process 1');

describe.skipIf(!canUnshare)('a command as process 1', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)('ends at %s', async (signal, code) => {
    const args = ['members', 'c', '--wait', '60', '--registry', join(tmpdir(), 'no-such-regCred.dat')];
    const shell = spawn('unshare', [...NEW_PIDS, process.execPath, MAIN, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(shell, 'close');
    let said = '';
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until(() => said.includes('trying again'));
    const [pid] = readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, 'utf8').split(' ');
    process.kill(Number(pid), signal);
    expect((await ended)[0]).toBe(code);
  });
});
