// A stalled thread, as on a disk that does not answer: metrics, health and API answer in time, and the registry
// recovers once the thread goes on.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OPERATOR_QUERIES_MAX } from '../../src/coordinator/thread/handle.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { freePort } from '../support/free-port.ts';
import { compileStalls, type Stalls } from '../support/stalling-threads.ts';
import { until } from '../support/until.ts';

const made = mkdtempSync(join(tmpdir(), 'xlreg-stuck-'));
const newStalls = compileStalls(made);
let stalls: Stalls;
let env: Stalls['env'];
beforeEach(() => {
  stalls = newStalls!();
  env = stalls.env;
});
afterAll(() => rmSync(made, { recursive: true }));

async function ask(port: number, dataDir: string, path: string) {
  const headers = { authorization: `Bearer ${adminToken(dataDir)}` };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return { status: answer.status, body: await answer.json() };
}

describe.skipIf(newStalls === undefined)('a stalled thread', () => {
  let registry: FieldRegistry;
  afterEach(async () => {
    stalls.letGo();
    expect(await registry.stop()).toBe(0);
  });

  const page = async () => {
    const began = performance.now();
    const text = await registry.process.metrics();
    return { text, ms: performance.now() - began };
  };

  it('keeps its last values in scrapes and bounds operator questions, as the coordinator', async () => {
    registry = await FieldRegistry.start({ args: ['--store', 'lmdb'], env });
    const { client } = await registry.register(WIRES[0]!, { name: 'alice' });
    expect((await page()).text).toContain('xlreg_table_clusters');
    stalls.stall('sync');
    const created = client.create('waits', 2);
    await stalls.stalled('sync');
    const silent = async () => {
      const { text, ms } = await page();
      times.push(ms);
      expect(text).toMatch(/^xlreg_table_records\{kind="clients"\} 1$/m);
      expect(text).toMatch(/^xlreg_thread_heap_used_bytes\{thread="coordinator"\} [1-9]/m);
      return Number(/^xlreg_coordinator_silent_seconds (\S+)$/m.exec(text)![1]);
    };
    const times: number[] = [];
    let seconds = await silent();
    while (seconds < 1.5) {
      const later = await silent();
      expect(later).toBeGreaterThan(seconds);
      seconds = later;
    }
    // Scrapes do not wait for the coordinator.
    expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(500);

    const { adminPort, dataDir } = registry.process;
    const list = () => ask(adminPort, dataDir, '/api/clusters');
    let busy = 0;
    const asked = Array.from({ length: OPERATOR_QUERIES_MAX + 5 }, async () => {
      const answer = await list();
      if (answer.status === 503) busy += 1;
      return answer;
    });
    await until(() => busy === 5);
    stalls.letGo();
    const answers = await Promise.all(asked);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(5);
    for (const { body } of refused) {
      expect(body).toEqual({ error: { code: 'busy', message: 'more than 24 queries at once; try again in a moment' } });
    }
    for (const { status, body } of answers) {
      if (status !== 503)
        expect({ status, body }).toMatchObject({ status: 200, body: { clusters: [{ name: 'waits' }] } });
    }
    await created;
    expect((await list()).status).toBe(200);
    await until(async () => (await silent()) < 1);
  });

  it('keeps its last values in scrapes and fails readiness, as a worker', async () => {
    registry = await FieldRegistry.start({ args: ['--workers', '1'], env });
    await (await registry.connect(WIRES[0]!)).bye();
    const { adminPort, dataDir } = registry.process;
    stalls.stall('times');
    await stalls.stalled('times');
    const times: number[] = [];
    const alive = async () => {
      const { text, ms } = await page();
      times.push(ms);
      expect(text).toMatch(/^xlreg_thread_heap_used_bytes\{thread="worker-0"\} [1-9]/m);
      expect(text).toContain('xlreg_table_clusters');
      return /^xlreg_readiness_check\{check="pool-alive"\} (.*)$/m.exec(text)![1];
    };
    // Readiness fails once the pool has been silent for two seconds.
    await until(async () => (await alive()) === '0');
    expect(times.sort((a, b) => a - b)[Math.floor(times.length / 2)]).toBeLessThan(500);
    expect(await ask(adminPort, dataDir, '/readyz')).toMatchObject({ status: 503, body: { failing: ['pool-alive'] } });
    stalls.letGo();
    await until(async () => (await ask(adminPort, dataDir, '/readyz')).status === 200);
    await (await registry.connect(WIRES[0]!)).bye();
  });

  it('makes the API answer not-ready, as the coordinator before the table is loaded', async () => {
    const dataDir = mkdtempSync(join(made, 'data-'));
    const port = await freePort();
    stalls.stall('sync');
    const starting = FieldRegistry.start({ args: ['--store', 'lmdb', '--admin', `127.0.0.1:${port}`], dataDir, env });
    await stalls.stalled('sync');
    for (const path of ['/api/clusters', '/api/clusters/any', '/api/clusters/any/members']) {
      expect(await ask(port, dataDir, path)).toMatchObject({ status: 503, body: { error: { code: 'not-ready' } } });
    }
    const checks = { 'table-loaded': false, 'store-writable': false, listening: false };
    expect(await ask(port, dataDir, '/readyz')).toMatchObject({ status: 503, body: { checks } });
    expect(await ask(port, dataDir, '/healthz')).toMatchObject({ status: 200 });
    const scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(scraped).toMatch(/^xlreg_readiness_check\{check="table-loaded"\} 0$/m);
    stalls.letGo();
    registry = await starting;
    expect((await ask(port, dataDir, '/api/clusters')).status).toBe(200);
  });
});
