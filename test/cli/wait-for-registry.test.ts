// What --wait waits for beside other members: a registry that is not up, its credentials, a cluster that is not there. The
// exit code at the deadline is that of the last failure; another registry's key ends the wait at once.

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
const join2 = (...args: string[]) => ['join', 'c', '--name', 'a', '--end-point', '127.0.0.1:1', ...args];

/** Runs each of the commands that wait. */
const all = (...flags: string[]) =>
  Promise.all(
    [join2(), ['members', 'c'], ['create', 'c', '--size', '2'], ['check']].map((args) => run(...args, ...flags)),
  );

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A registry whose credentials and port are known before it runs. */
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
  it('join, members, create and check wait for credentials, then for the registry, then for the cluster', async () => {
    const registry = await registryToBe();
    const joining = start(...join2('--wait', '20'));
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

  it('create waits for a registry that is not up', async () => {
    const registry = await registryToBe();
    await registry.publish();
    const creating = start('create', 'c', '--size', '2', '--wait', '20');
    await creating.said(/connection refused/);
    await registry.start();
    expect((await creating.ended).code).toBe(0);
  });
});

describe('at the deadline the exit code is that of the last failure', () => {
  it('2 where there are no credentials', async () => {
    const began = performance.now();
    for (const { code, stdout, stderr } of await all('--wait', '6')) {
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('ENOENT') });
    }
    expect(performance.now() - began).toBeGreaterThan(3_999);
  });

  it('3 where no registry answers', async () => {
    const registry = await registryToBe();
    await registry.publish();
    for (const { code, stderr } of await all('--wait', '6')) {
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
    }
  });

  it('1 where there is no such cluster, 3 where the registry has gone since', async () => {
    const registry = await registryToBe();
    await registry.publish();
    const server = await registry.start();
    const ran = await Promise.all([join2(), ['members', 'c']].map((args) => run(...args, '--wait', '8')));
    for (const { code, stderr } of ran) {
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('cannot find cluster') });
    }
    expect((await run('create', 'c', '--size', '2')).code).toBe(0);
    const waiting = start(...join2('--wait', '6'));
    await waiting.said(/1 of 2 members/);
    await server.stop();
    const { code, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
  });
});

it('ends at once where the key is not the one pinned, or another registry answers', async () => {
  const registry = await registryToBe();
  await registry.publish();
  await registry.start();
  const pin = `SHA256:${Buffer.alloc(32).toString('base64')}`;
  for (const { code, stderr } of await all('--wait', '20', '--fingerprint', pin)) {
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('not the one of --fingerprint') });
    expect(stderr).not.toContain('again');
  }
});

describe('join --create', () => {
  it('makes the cluster if it is missing, and joins the one there is', async () => {
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

  it('wants a size', async () => {
    expect(await run(...join2('--create'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--size') });
    expect(await run(...join2('--size', '2'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--create') });
  });
});
