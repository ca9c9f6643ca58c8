// --wait also waits for a registry to start, for its credentials and for a missing cluster. At the deadline the exit code is
// that of the last failure. The key of another registry ends the wait at once.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { type MadeRegistry, makeRegistry, registryToBe } from '../support/registry-to-be.ts';
import { runXlreg, startXlreg } from './xlreg-process.ts';

let parent: string;
let made: MadeRegistry;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'xlreg-wait-'));
  made = await makeRegistry(parent);
});
afterAll(() => rm(parent, { recursive: true }));

const joinArgs = (...args: string[]) => ['join', 'c', '--name', 'a', '--end-point', '127.0.0.1:1', ...args];

/** Commands of one test, which look for their registry's credentials in a folder of their own. */
async function newCommands() {
  const cwd = await mkdtemp(join(parent, 'test-'));
  const env = { XLREG_REGISTRY: join(cwd, 'regCred.dat') };
  const run = (...args: string[]) => runXlreg(args, { cwd, env });
  return {
    ...{ cwd, env, run },
    start: (...args: string[]) => startXlreg(args, { cwd, env }),
    /** Runs every command that has --wait. */
    runAll: (...flags: string[]) =>
      Promise.all(
        [joinArgs(), ['members', 'c'], ['create', 'c', '--size', '2'], ['check']].map((args) => run(...args, ...flags)),
      ),
  };
}

/** Commands, and a registry whose credentials and port exist before it starts. */
async function commandsBefore(context: TestContext) {
  const commands = await newCommands();
  return { ...commands, ...(await registryToBe(made, commands.cwd, context)) };
}

describe('within --wait', () => {
  it('all commands wait for credentials, then for the registry, then for the cluster', async (context) => {
    const registry = await commandsBefore(context);
    const joining = registry.start(...joinArgs('--wait', '45'));
    const watching = registry.start('members', 'c', '--wait', '45');
    const checking = registry.start('check', '--wait', '45');
    await Promise.all([joining, watching, checking].map((one) => one.said(/cannot be read: ENOENT/)));
    await registry.publish();
    await Promise.all([joining, watching, checking].map((one) => one.said(/connection refused/)));
    await registry.startServer();
    await Promise.all([joining, watching].map((one) => one.said(/cannot find cluster with this name/)));
    expect((await checking.ended).code).toBe(0);
    expect((await registry.run('create', 'c', '--size', '2', '--wait', '45')).code).toBe(0);
    expect((await registry.run('join', 'c', '--name', 'b', '--end-point', '127.0.0.1:2', '--wait', '45')).code).toBe(0);
    for (const { code, stderr } of await Promise.all([joining.ended, watching.ended])) {
      expect({ code, stderr }).toMatchObject({ code: 0 });
    }
  });

  it('create waits for the registry to start', async (context) => {
    const registry = await commandsBefore(context);
    await registry.publish();
    const creating = registry.start('create', 'c', '--size', '2', '--wait', '45');
    await creating.said(/connection refused/);
    await registry.startServer();
    expect((await creating.ended).code).toBe(0);
  });
});

// These only wait, so they run side by side.
describe.concurrent('at the deadline the exit code is that of the last failure', () => {
  it('2 without credentials', async () => {
    const { runAll } = await newCommands();
    const began = performance.now();
    for (const { code, stdout, stderr } of await runAll('--wait', '6')) {
      expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining('ENOENT') });
    }
    expect(performance.now() - began).toBeGreaterThan(3_999);
  });

  it('3 when no registry answers', async (context) => {
    const registry = await commandsBefore(context);
    await registry.publish();
    for (const { code, stderr } of await registry.runAll('--wait', '6')) {
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
    }
  });

  it('1 for an unknown cluster', async (context) => {
    const registry = await commandsBefore(context);
    await registry.publish();
    await registry.startServer();
    const ran = await Promise.all([joinArgs(), ['members', 'c']].map((args) => registry.run(...args, '--wait', '6')));
    for (const { code, stderr } of ran) {
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('cannot find cluster') });
    }
  });

  it('3 when the registry has gone since', async (context) => {
    const registry = await commandsBefore(context);
    await registry.publish();
    const server = await registry.startServer();
    expect((await registry.run('create', 'c', '--size', '2')).code).toBe(0);
    const waiting = registry.start(...joinArgs('--wait', '6'));
    await waiting.said(/1 of 2 members/);
    await server.stop();
    const { code, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('connection refused') });
  });
});

it('ends at once when the key is not the pinned one', async (context) => {
  const registry = await commandsBefore(context);
  await registry.publish();
  await registry.startServer();
  const pin = `SHA256:${Buffer.alloc(32).toString('base64')}`;
  for (const { code, stderr } of await registry.runAll('--wait', '45', '--fingerprint', pin)) {
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('than --fingerprint demands') });
    expect(stderr).not.toContain('again');
  }
});

describe('join --create', () => {
  it('creates a missing cluster and joins an existing one', async (context) => {
    const registry = await commandsBefore(context);
    await registry.publish();
    await registry.startServer();
    const ran = await Promise.all(
      ['a', 'b', 'c'].map((name, at) =>
        registry.run(
          ...['join', 'c', '--create', '--size', '3', '--name', name, '--end-point', `127.0.0.1:${at + 1}`],
          ...['--wait', '45', '--json'],
        ),
      ),
    );
    expect(ran.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(JSON.parse(ran[0]!.stdout).members).toHaveLength(3);
  });

  it('needs --size, and --size needs --create', async () => {
    const { run } = await newCommands();
    expect(await run(...joinArgs('--create'))).toMatchObject({ code: 2, stderr: expect.stringContaining('--size') });
    expect(await run(...joinArgs('--size', '2'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--create'),
    });
  });
});
