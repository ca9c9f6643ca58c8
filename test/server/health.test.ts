// Liveness and readiness: each check by its name, and status 503 with the names of those that fail. The test of a full
// store is in durability/disk-full.test.ts, the test of the drain in drain.test.ts.

import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HealthState, liveness, readiness, readinessForReads } from '../../src/server/health.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { makeMemberKeys } from '../field/member-keys.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

let registry: RegistryProcess;

const healthPortOf = ({ stdout }: RegistryProcess) =>
  Number(/^ready .* health=127\.0\.0\.1:(\d+)$/m.exec(stdout())![1]);

describeEachEngine('a running registry, with the engine %s', (engine) => {
  afterEach(async () => {
    expect(await registry.stop()).toBe(0);
  });

  it('is ready and alive, and lists its checks', async () => {
    registry = await startRegistry({ args: ['--web-engine', engine] });
    const ask = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${registry.adminPort}${path}`);
      return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.json() };
    };
    const ready = {
      ...{
        'table-loaded': true,
        'table-answerable': true,
        'store-writable': true,
        'store-reachable': true,
        'pool-alive': true,
      },
      listening: true,
    };
    const ok = { status: 200, type: 'application/json' };
    const checks = { ...ready, 'not-draining': true };
    expect(await ask('/readyz')).toEqual({ ...ok, body: { status: 'ok', failing: [], checks } });
    const alive = { status: 'ok', failing: [], checks: { 'pool-alive': true } };
    for (const path of ['/livez', '/healthz']) expect(await ask(path)).toEqual({ ...ok, body: alive });
    const { 'store-writable': _, 'store-reachable': __, ...forReads } = checks;
    expect(await ask('/readyz?for=reads')).toEqual({ ...ok, body: { status: 'ok', failing: [], checks: forReads } });
  });
});

describe('the health listener', () => {
  it('serves liveness and readiness alone, and refuses other parameters with JSON', async () => {
    registry = await startRegistry({ args: ['--health', '127.0.0.1:0'] });
    const origin = `http://127.0.0.1:${healthPortOf(registry)}`;
    const statusOf = async (path: string, init?: RequestInit) => (await fetch(`${origin}${path}`, init)).status;
    for (const path of ['/livez', '/readyz', '/readyz?for=reads']) expect(await statusOf(path)).toBe(200);
    for (const path of ['/', '/healthz', '/metrics', '/regCred.dat', '/api/registry', '/api/clusters', '/drain']) {
      expect(await statusOf(path)).toBe(404);
    }
    expect(await statusOf('/readyz', { method: 'POST' })).toBe(405);
    const refused = ['/readyz?for=writes', '/readyz?for=reads&for=reads', '/readyz?for', '/readyz?For=reads'];
    for (const path of [...refused, '/readyz?for=reads&x=1', '/readyz?x', '/livez?for=reads']) {
      const reply = await fetch(`${origin}${path}`);
      expect([path, reply.status, await reply.json()]).toEqual([
        ...[path, 400],
        { error: { code: 'bad-query', message: expect.stringMatching(/parameter/) } },
      ]);
    }
    expect(await registry.stop()).toBe(0);
  });

  it('holds 32 connections of one address at most', async () => {
    registry = await startRegistry({ args: ['--health', '127.0.0.1:0'] });
    const port = healthPortOf(registry);
    const closed: Socket[] = [];
    const sockets = Array.from({ length: 40 }, () => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {}).on('close', () => closed.push(socket));
      return socket;
    });
    await until(() => closed.length === 8);
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    expect(await registry.stop()).toBe(0);
  });

  it('fails readiness for --shutdown-delay, while new sessions are served', async () => {
    const field = await FieldRegistry.start({ args: ['--health', '127.0.0.1:0', '--shutdown-delay', '4'] });
    // Keys take as long as the delay on a busy machine.
    const keys = makeMemberKeys();
    const origin = `http://127.0.0.1:${healthPortOf(field.process)}`;
    process.kill(field.process.pid, 'SIGTERM');
    const began = performance.now();
    for (const path of ['/readyz', '/readyz?for=reads']) {
      await until(async () => (await fetch(`${origin}${path}`)).status === 503);
      expect(await (await fetch(`${origin}${path}`)).json()).toMatchObject({ failing: ['not-draining'] });
    }
    const { client } = await field.register(WIRES[1]!, { name: 'late', keys });
    expect((await client.create('c', 2)).clusterId).toHaveLength(32);
    expect(field.process.stderr()).not.toContain('"msg":"draining"');
    await client.bye();
    expect(await field.process.exited).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(3_900);
    expect(field.process.stderr()).toMatch(/"seconds":4,"msg":"stopping: \/readyz fails.*\n.*/);
    field.closeClients();
  });
});

describe('health', () => {
  const good: HealthState = {
    ...{ tableLoaded: true, storeFull: false, storeUnreachable: false, listening: true, draining: false },
    coordinator: { answersRosters: true },
    pool: { silentMs: 1_900 },
  };
  const failing = ({ status, body }: ReturnType<typeof readiness>) => [
    status,
    ...(JSON.parse(body as string) as { failing: string[] }).failing,
  ];

  it.each<[string[], Partial<HealthState>]>([
    [['table-loaded', 'table-answerable', 'store-writable', 'store-reachable'], { tableLoaded: false }],
    [['table-answerable', 'store-reachable'], { storeUnreachable: true, coordinator: { answersRosters: false } }],
    [['store-writable'], { storeFull: true }],
    [['store-reachable'], { storeUnreachable: true }],
    [['pool-alive'], { pool: undefined }],
    [['pool-alive'], { pool: { silentMs: 2_100 } }],
    [['listening'], { listening: false }],
    [['not-draining'], { draining: true }],
  ])('names the failing checks %j', (names, change) => {
    expect(failing(readiness(good))).toEqual([200]);
    expect(failing(readiness({ ...good, ...change }))).toEqual([503, ...names]);
    const needed = names.filter((name) => !name.startsWith('store-'));
    expect(failing(readinessForReads({ ...good, ...change }))).toEqual(needed.length ? [503, ...needed] : [200]);
  });

  it('fails liveness for a stuck pool, but not before its start or during a drain', () => {
    const pool = { silentMs: 2_100 };
    expect(failing(liveness({ ...good, pool }))).toEqual([503, 'pool-alive']);
    expect(failing(liveness({ ...good, pool: undefined }))).toEqual([200]);
    expect(failing(liveness({ ...good, pool, draining: true }))).toEqual([200]);
  });
});
