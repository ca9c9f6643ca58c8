// --wait also waits for a registry to start, for its credentials and for a missing cluster. At the deadline the exit code is
// that of the last failure. The key of another registry ends the wait at once.

import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRegCred, printRegCred } from '../../src/index.ts';
import { startRegistry } from '../support/registry-process.ts';
import { runXlreg, startXlreg } from './xlreg-process.ts';

let directory: string;
let env: { readonly XLREG_REGISTRY: string };
const stops: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-wait-'));
  env = { XLREG_REGISTRY: join(directory, 'regCred.dat') };
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await rm(directory, { recursive: true });
});

const start = (...args: string[]) => startXlreg(args, { cwd: directory, env });
const run = (...args: string[]) => runXlreg(args, { cwd: directory, env });
const joinArgs = (...args: string[]) => ['join', 'c', '--name', 'a', '--end-point', '127.0.0.1:1', ...args];

/** Runs every command that has --wait. */
const runAll = (...flags: string[]) =>
  Promise.all(
    [joinArgs(), ['members', 'c'], ['create', 'c', '--size', '2'], ['check']].map((args) => run(...args, ...flags)),
  );

/** A port without a listener. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A registry whose credentials and port exist before it starts. */
async function registryToBe() {
  const dataDir = join(directory, 'data');
  const first = await startRegistry({ dataDir, args: ['--store', 'lmdb'] });
  await first.stop();
  const tcp = `127.0.0.1:${await freePort()}`;
  const text = printRegCred({ ...parseRegCred(first.regCredText), endPoints: [tcp] });
  await writeFile(join(directory, 'later.dat'), text);
  return {
    publish: () => copyFile(join(directory, 'later.dat'), env.XLREG_REGISTRY),
    async start() {
      const process = await startRegistry({ dataDir, args: ['--store', 'lmdb', '--tcp', tcp] });
      stops.push(() => process.stop());
      return process;
    },
  };
}

describe('within --wait', () => {
  it('all commands wait for credentials, then for the registry, then for the cluster', async () => {
    const registry = await registryToBe();
    const joining = start(...joinArgs('--wait', '20'));
    const watching = start('members', 'c', '--wait', '20');
    const checking = start('check', '--wait', '20');
    await Promise.all([joining, watching, checking].map((one) => one.said(/cannot be read: ENOENT/)));
    await registry.publish();
    await Promise.all([joining, watching, checking].map((one) => one.said(/connection refused/)));
    await registry.start();
    await Promise.all([joining, watching].map((one) => one.said(/cannot find cluster with this name/)));
    expect((await checking.ended).code).toBe(0);
    expect((await run('create', 'c', '--size', '2', '--wait', '20')).code).toBe(0);
    expect((await run('join', 'c', '--name', 'b', '--end-point', '127.0.0.1:2', '--wait', '20')).code).toBe(0);
    for (const { code, stderr } of await Promise.all([joining.ended, watching.ended])) {
      expect({ code, stderr }).toMatchObject({ code: 0 });
    }
  });

  it('create waits for the registry to start', async () => {
    const registry = await registryToBe();
    await registry.publish();
    const creating = start('create', 'c', '--size', '2', '--wait', '20');
    await creating.said(/connection refused/);
    await registry.start();
    expect((await creating.ended).code).toBe(0);
  });
});

describe('at the deadline the exit code is that of the last failure', () => {
  it('2 without credentials', async () => {
    const began = performance.now();
    for (const { code, stdout, stderr } of await runAll('--wait', '6')) {
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('ENOENT') });
    }
    expect(performance.now() - began).toBeGreaterThan(3_999);
  });

  it('3 when no registry answers', async () => {
    const registry = await registryToBe();
    await registry.publish();
    for (const { code, stderr } of await runAll('--wait', '6')) {
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
    }
  });

  it('1 for an unknown cluster, 3 when the registry has gone since', async () => {
    const registry = await registryToBe();
    await registry.publish();
    const server = await registry.start();
    const ran = await Promise.all([joinArgs(), ['members', 'c']].map((args) => run(...args, '--wait', '8')));
    for (const { code, stderr } of ran) {
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('cannot find cluster') });
    }
    expect((await run('create', 'c', '--size', '2')).code).toBe(0);
    const waiting = start(...joinArgs('--wait', '6'));
    await waiting.said(/1 of 2 members/);
    await server.stop();
    const { code, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
  });
});

it('ends at once when the key is not the pinned one', async () => {
  const registry = await registryToBe();
  await registry.publish();
  await registry.start();
  const pin = `SHA256:${Buffer.alloc(32).toString('base64')}`;
  for (const { code, stderr } of await runAll('--wait', '20', '--fingerprint', pin)) {
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('not the one of --fingerprint') });
    expect(stderr).not.toContain('again');
  }
});

describe('join --create', () => {
  it('creates a missing cluster and joins an existing one', async () => {
    const registry = await registryToBe();
    await registry.publish();
    await registry.start();
    const ran = await Promise.all(
      ['a', 'b', 'c'].map((name, at) =>
        run(
          ...['join', 'c', '--create', '--size', '3', '--name', name, '--end-point', `127.0.0.1:${at + 1}`],
          ...['--wait', '20', '--json'],
        ),
      ),
    );
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(JSON.parse(ran[0]!.stdout).members).toHaveLength(3);
  });

  it('needs --size, and --size needs --create', async () => {
    expect(await run(...joinArgs('--create'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--size') });
    expect(await run(...joinArgs('--size', '2'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--create'),
    });
  });
});
