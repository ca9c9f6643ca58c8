// A thread that cannot be loaded: the registry names the reason in one line and does not start. A thread that dies: the
// registry survives the deaths of four workers within a minute. It ends at the fifth, or at the coordinator's death.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { giveKeys } from '../support/made-keys.ts';

const PROJECT = resolve(import.meta.dirname, '../..');

let directory: string;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'xlreg-broken-'));
  // The server needs neither the declarations and source maps nor the load generators.
  const filter = (path: string) => !/\.map$|\.d\.ts$|dist\/bench$/.test(path);
  for (const part of ['dist', 'package.json']) {
    cpSync(join(PROJECT, part), join(directory, part), { recursive: true, filter });
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(directory, 'node_modules'));
  await giveKeys(join(directory, 'data'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function serveArgs(): string[] {
  const main = join(directory, 'dist/src/cli/main.js');
  const listeners = ['tcp', 'ws', 'admin'].flatMap((name) => [`--${name}`, '127.0.0.1:0']);
  return [main, 'serve', ...listeners, '--data-dir', join(directory, 'data'), '--log-level', 'error'];
}

function serve() {
  return spawnSync(process.execPath, serveArgs(), { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' });
}

const POOL = 'xlreg serve: a worker of the pool cannot be loaded: ';
const remove = (file: string) => () => rmSync(join(directory, 'dist', file));
const put = (file: string, text: string) => () => writeFileSync(join(directory, 'dist', file), text);
const startThat = (does: string) => put('src/pool/worker.js', `export function startPoolWorker() { ${does} }`);

it.each([
  ['a missing worker file', remove('workers/pool-worker.js'), `${POOL}Cannot find module `],
  ['a missing module of the workers', remove('src/pool/serve-job.js'), `${POOL}Cannot find module `],
  ['a truncated module of the workers', put('src/pool/worker.js', 'export function start'), `${POOL}Unexpected `],
  [
    'a worker that fails at its start',
    startThat('throw new Error("no such luck\\nand more")'),
    `${POOL}no such luck\n`,
  ],
  ['a worker that ends at its start', startThat('process.exit(3)'), `${POOL}worker exited with code: 3\n`],
  [
    'a missing coordinator file',
    remove('workers/coordinator-thread.js'),
    'xlreg serve: the coordinator cannot be loaded: Cannot find module ',
  ],
])('ends with exit code 1 and one line for %s', (_, spoil, line) => {
  spoil();
  const { status, stdout, stderr } = serve();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr.slice(0, line.length)).toBe(line);
  expect(stderr.trimEnd()).not.toContain('\n');
});

/** Starts the registry, and once it is ready ends each thread whose file is `name`. Returns the log. */
async function serveMortal(name: string, entry: string): Promise<Logged[]> {
  const [file, whole] = [name, 'whole'].map((called) => join(directory, 'dist/workers', `${called}.js`));
  const end = join(directory, 'end');
  cpSync(file!, whole!);
  const mortal = `setInterval(() => existsSync(${JSON.stringify(end)}) && process.exit(7), 10);`;
  writeFileSync(file!, `import { existsSync } from 'node:fs';\n${mortal}\n${entry}\n`);
  const child = spawn(process.execPath, serveArgs(), { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const [logged, [ready]] = [text(child.stderr), await once(child.stdout.setEncoding('utf8'), 'data')];
    expect(ready).toMatch(/^ready /);
    writeFileSync(end, '');
    const [code] = await once(child, 'exit');
    expect(code).toBe(1);
    const lines = (await logged).split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as Logged);
  } finally {
    child.kill('SIGKILL');
  }
}

interface Logged {
  readonly level: string;
  readonly msg: string;
  readonly err: { readonly message: string };
}

it('ends with exit code 1 when five workers die within a minute', async () => {
  const logged = await serveMortal('pool-worker', "export { default } from './whole.js';");
  const ended = 'worker exited with code: 7';
  expect(logged.map(({ level, err }) => `${level} ${err.message}`)).toEqual([
    ...new Array<string>(4).fill(`error ${ended}`),
    `fatal ${ended}`,
  ]);
  expect(logged.at(-1)!.msg).toBe('the registry cannot go on');
});

it('ends with exit code 1 when the coordinator dies', async () => {
  const logged = await serveMortal('coordinator-thread', "await import('./whole.js');");
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatchObject({ level: 'fatal', msg: 'the registry cannot go on' });
  expect(logged[0]!.err.message).toBe('the coordinator ended with code 7');
});
