// Liveness and readiness: each check by its name, and status 503 with the names of those that fail. The test of a full
// store is in durability/disk-full.test.ts, the test of the drain in drain.test.ts.

import { afterEach, describe, expect, it } from 'vitest';
import { type HealthState, liveness, readiness } from '../../src/server/health.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeEachEngine } from '../support/web-engines.ts';

let registry: RegistryProcess;
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
      ...{ 'table-loaded': true, 'store-writable': true, 'store-reachable': true, 'pool-alive': true },
      listening: true,
    };
    const ok = { status: 200, type: 'application/json' };
    const checks = { ...ready, 'not-draining': true };
    expect(await ask('/readyz')).toEqual({ ...ok, body: { status: 'ok', failing: [], checks } });
    const alive = { status: 'ok', failing: [], checks: { 'pool-alive': true } };
    expect(await ask('/healthz')).toEqual({ ...ok, body: alive });
  });
});

describe('health', () => {
  const good: HealthState = {
    ...{ tableLoaded: true, storeFull: false, storeUnreachable: false, listening: true, draining: false },
    pool: { silentMs: 1_900 },
  };
  const failing = ({ status, body }: ReturnType<typeof readiness>) => [
    status,
    ...(JSON.parse(body as string) as { failing: string[] }).failing,
  ];

  it.each<[string[], Partial<HealthState>]>([
    [['table-loaded', 'store-writable', 'store-reachable'], { tableLoaded: false }],
    [['store-writable'], { storeFull: true }],
    [['store-reachable'], { storeUnreachable: true }],
    [['pool-alive'], { pool: undefined }],
    [['pool-alive'], { pool: { silentMs: 2_100 } }],
    [['listening'], { listening: false }],
    [['not-draining'], { draining: true }],
  ])('names the failing checks %j', (names, change) => {
    expect(failing(readiness(good))).toEqual([200]);
    expect(failing(readiness({ ...good, ...change }))).toEqual([503, ...names]);
  });

  it('fails liveness for a stuck pool, but not before its start or during a drain', () => {
    const pool = { silentMs: 2_100 };
    expect(failing(liveness({ ...good, pool }))).toEqual([503, 'pool-alive']);
    expect(failing(liveness({ ...good, pool: undefined }))).toEqual([200]);
    expect(failing(liveness({ ...good, pool, draining: true }))).toEqual([200]);
  });
});
