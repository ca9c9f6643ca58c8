// The example of streams: five processes, of which one is killed and restarted, agree on a counter.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

const COUNTER = fileURLToPath(new URL('../../examples/replicated-counter/counter.mjs', import.meta.url));
const NAMES = ['a', 'b', 'c', 'd', 'e'];

let registry: RegistryProcess;
let directory: string;
const running = new Map<string, Counter>();

/** One process of the example. */
class Counter {
  readonly child: ChildProcess;
  #output = '';
  readonly #waiting = new Set<() => void>();

  constructor(name: string, port: number) {
    const args = [COUNTER, join(directory, 'regCred.dat'), join(directory, name), name, String(port)];
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
      for (const look of [...this.#waiting]) look();
    });
  }

  add(amount: number): void {
    this.child.stdin!.write(`add ${amount}\n`);
  }

  /** Resolves once the last value printed is this one. */
  shows(value: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (/value (\d+)\n$/.exec(this.#output)?.[1] !== String(value)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

beforeAll(async () => {
  registry = await startRegistry();
  directory = await mkdtemp(join(tmpdir(), 'xlreg-counter-'));
  await writeFile(join(directory, 'regCred.dat'), registry.regCredText);
});
afterAll(async () => {
  for (const { child } of running.values()) child.kill('SIGKILL');
  await registry.stop();
  await rm(directory, { recursive: true, force: true });
});

it('agrees on a counter among five processes, one of them killed and restarted', async () => {
  const ports = new Map<string, number>();
  for (const name of NAMES) ports.set(name, await freePort());
  const start = (name: string) => running.set(name, new Counter(name, ports.get(name)!));
  for (const name of NAMES) start(name);
  const all = (value: number) => Promise.all([...running.values()].map((counter) => counter.shows(value)));

  for (const [i, name] of NAMES.entries()) running.get(name)!.add(10 ** i);
  await all(11_111);

  const killed = running.get('c')!;
  running.delete('c');
  killed.child.kill('SIGKILL');
  await once(killed.child, 'exit');
  running.get('a')!.add(1);
  running.get('e')!.add(10_000);
  await all(21_112);

  start('c');
  // It learns what it missed, and still has what it added itself.
  await all(21_112);
  running.get('c')!.add(100);
  await all(21_212);
  expect(running.size).toBe(5);
}, 60_000);
