// What an orchestrator is told: each check by its name, and 503 with the one that fails. That of a full store is in
// durability/disk-full.test.ts, that of draining in drain.test.ts.

import { afterEach, describe, expect, it } from 'vitest';
import { type HealthState, liveness, readiness } from '../../src/server/health.ts';
import { PoolProbe } from '../../src/server/pool-probe.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { describeEachEngine } from '../support/web-engines.ts';

let registry: RegistryProcess;
describeEachEngine('a registry that runs, with the engine %s', (engine) => {
  afterEach(async () => {
    expect(await registry.stop()).toBe(0);
  });

  it('is ready and alive, and says what that means', async () => {
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

describe('a check that fails is named', () => {
  const answering = async () => new PoolProbe(async () => {});
  const stuck = async () => new PoolProbe(() => new Promise(() => {}), 1);
  const failed = async () => new PoolProbe(async () => Promise.reject(new Error('gone')));
  const good = async (): Promise<HealthState> => ({
    ...{ tableLoaded: true, storeFull: false, storeUnreachable: false, listening: true, draining: false },
    poolProbe: await answering(),
  });
  const failing = async (reply: ReturnType<typeof readiness>) => {
    const { status, body } = await reply;
    return [status, ...(JSON.parse(body) as { failing: string[] }).failing];
  };

  it.each<[string[], () => Promise<Partial<HealthState>>]>([
    [['table-loaded', 'store-writable', 'store-reachable'], async () => ({ tableLoaded: false })],
    [['store-writable'], async () => ({ storeFull: true })],
    [['store-reachable'], async () => ({ storeUnreachable: true })],
    [['pool-alive'], async () => ({ poolProbe: undefined })],
    [['pool-alive'], async () => ({ poolProbe: await stuck() })],
    [['pool-alive'], async () => ({ poolProbe: await failed() })],
    [['listening'], async () => ({ listening: false })],
    [['not-draining'], async () => ({ draining: true })],
  ])('%j', async (names, change) => {
    expect(await failing(readiness({ ...(await good()), ...(await change()) }))).toEqual([503, ...names]);
  });

  it('and a pool that is stuck is asked once, and is no reason to restart before it is there or when it goes', async () => {
    let asked = 0;
    const poolProbe = new PoolProbe(() => {
      asked += 1;
      return new Promise(() => {});
    }, 1);
    for (let i = 0; i < 5; i++)
      expect(await failing(liveness({ ...(await good()), poolProbe }))).toEqual([503, 'pool-alive']);
    expect(asked).toBe(1);
    expect(await failing(liveness({ ...(await good()), poolProbe: undefined }))).toEqual([200]);
    expect(await failing(liveness({ ...(await good()), poolProbe, draining: true }))).toEqual([200]);
  });
});
