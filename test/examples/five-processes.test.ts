// The example of joinCluster(): five processes that start before their registry reach each other.
import { type ChildProcess, execFile } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startRegistry } from '../support/registry-process.ts';

const MEMBER = fileURLToPath(new URL('../../examples/five-processes/member.mjs', import.meta.url));
const NAMES = ['a', 'b', 'c', 'd', 'e'];
const TIMEOUT_MS = 180_000;

it(
  'forms a cluster of five processes that start before the registry, and each reaches the others',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'xlreg-five-'));
    const running: ChildProcess[] = [];
    onTestFinished(async () => {
      for (const child of running) child.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    });
    const file = join(directory, 'regCred.dat');
    const ports = await Promise.all(NAMES.map(freePort));
    const ended = NAMES.map((name, place) => {
      const args = [MEMBER, file, join(directory, name), name, String(ports[place])];
      const run = promisify(execFile)(process.execPath, args, { encoding: 'utf8', timeout: TIMEOUT_MS });
      running.push(run.child);
      return run;
    });
    const registry = await startRegistry();
    onTestFinished(() => registry.stop().then(() => {}));
    await writeFile(`${file}.new`, registry.regCredText);
    await rename(`${file}.new`, file);
    const said = (await Promise.all(ended)).map(({ stdout }) => stdout);
    const seats = said.map((text, place) => {
      const [, name, seat, others] = /^(\w), seat (\d): reached (.*)\n$/.exec(text)!;
      expect(name).toBe(NAMES[place]);
      expect(others!.split(', ').toSorted()).toEqual(NAMES.filter((other) => other !== name));
      return seat;
    });
    expect(seats.toSorted()).toEqual(['0', '1', '2', '3', '4']);
  },
  TIMEOUT_MS,
);
