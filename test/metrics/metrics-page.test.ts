// The page for Prometheus: its metrics, and the bound on its labels.

import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { until } from '../support/until.ts';
import { samplesOf } from './metrics-text.ts';

const WORKERS = 2;
const THREADS = ['coordinator', 'main', 'worker-0', 'worker-1'];
let registry: FieldRegistry;

beforeAll(async () => {
  registry = await FieldRegistry.start({ args: ['--store', 'lmdb', '--workers', String(WORKERS)] });
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

/** The value of a sample; undefined if it is not on the page. */
async function value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  const samples = samplesOf(await registry.process.metrics());
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return samples.find(
    (sample) => sample.name === name && JSON.stringify(Object.entries(sample.labels).sort()) === wanted,
  )?.value;
}

it('has no values of scheduled backups without --backup-dir, so no alert of theirs fires', async () => {
  const page = await registry.process.metrics();
  expect(page).toContain('# TYPE xlreg_backup_last_success_timestamp_seconds gauge');
  expect(samplesOf(page).filter(({ name }) => name.startsWith('xlreg_backup'))).toEqual([]);
});

it('names its version, and counts its open files as the system does', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const platform = `${process.platform}-${process.arch}`;
  expect(await value('xlreg_build_info', { version, node: process.version, platform, store: 'lmdb' })).toBe(1);
  const of = `/proc/${registry.process.pid}`;
  const max = /^Max open files +(\d+)/m.exec(readFileSync(`${of}/limits`, 'ascii'))![1];
  expect(await value('process_max_fds')).toBe(Number(max));
  // The scrape's own connection comes and goes.
  expect(Math.abs((await value('process_open_fds'))! - readdirSync(`${of}/fd`).length)).toBeLessThanOrEqual(2);
});

describe('a registry in use', () => {
  it.each(WIRES)('counts its sessions by dialect and transport: $dialect over $transport', async (wire) => {
    const open = () => value('xlreg_sessions_open', wire);
    const fresh = () => value('xlreg_sessions_open', { ...wire, dialect: 'none' });
    expect([await fresh(), await open()]).toEqual([0, 0]);
    const client = await registry.open(wire);
    await until(async () => (await fresh()) === 1);
    await client.hello();
    expect([await fresh(), await open()]).toEqual([0, 1]);
    client.close();
    await until(async () => (await open()) === 0);
    expect(await value('xlreg_sessions_ended_total', { ...wire, end: 'peer-closed' })).toBe(1);
  });

  it('reports the seats of its clusters, their time to full, and the time of commits', async () => {
    const first = await registry.register(WIRES[0]!, { name: 'first' });
    const second = await registry.register(WIRES[1]!, { name: 'second' });
    await first.client.create('two', 2);
    await first.client.join('two');
    const clusters = async (state: string) => value('xlreg_table_clusters', { state });
    const seats = async (state: string) => value('xlreg_table_seats', { state });
    expect([await clusters('filling'), await clusters('full')]).toEqual([1, 0]);
    expect([await seats('filled'), await seats('missing')]).toEqual([1, 1]);
    expect(await value('xlreg_cluster_fill_seconds_count')).toBe(0);
    await second.client.join('two');
    expect([await clusters('filling'), await clusters('full')]).toEqual([0, 1]);
    expect([await seats('filled'), await seats('missing')]).toEqual([2, 0]);
    expect(await value('xlreg_cluster_fill_seconds_count')).toBe(1);
    expect(await value('xlreg_store_sync_seconds_count')).toBeGreaterThan(0);
    expect(await value('xlreg_store_sync_seconds_sum')).toBeLessThan(
      (await value('xlreg_coordinator_commit_seconds_sum'))!,
    );
    expect(await value('xlreg_store_room_bytes')).toBeGreaterThan(0);
    expect(await value('xlreg_coordinator_silent_seconds')).toBeLessThan(1);
  });

  it('counts the questions to the coordinator that a worker cannot answer, and no others', async () => {
    const { client } = await registry.register(WIRES[0]!, { name: 'asking' });
    const asked = async () => (await value('xlreg_stage_seconds_count', { stage: 'ask' }))!;
    const before = await asked();
    const { clusterId } = await client.create('known', 2);
    await client.join('known');
    expect(await asked()).toBe(before + 2);
    await client.create('known', 2);
    for (let again = 0; again < 3; again++) expect((await client.getCluster(clusterId)).which).toBe(1n);
    expect(await asked()).toBe(before + 2);
  });

  it('splits the whole time of a Hello into queue, RSA and rest', async () => {
    const stage = (stage: string) => value('xlreg_stage_seconds_sum', { stage });
    const [call, rsa, rest] = [await stage('hello-call'), await stage('hello'), await stage('hello-rest')];
    expect(await stage('hello-wait')).toBeGreaterThan(0);
    expect(rsa! + rest!).toBeCloseTo(call!, 5);
  });

  it('reports each thread, and no other', async () => {
    const samples = samplesOf(await registry.process.metrics());
    for (const name of ['cpu_seconds_total', 'heap_used_bytes', 'heap_limit_bytes']) {
      const own = samples.filter((sample) => sample.name === `xlreg_thread_${name}`);
      expect(own.map(({ labels }) => labels.thread).sort()).toEqual(THREADS);
      for (const { value } of own) expect(value).toBeGreaterThan(0);
    }
    const whole = samples.find(({ name }) => name === 'process_cpu_seconds_total')!.value;
    const threads = samples.filter(({ name }) => name === 'xlreg_thread_cpu_seconds_total');
    expect(threads.reduce((sum, { value }) => sum + value, 0)).toBeLessThan(whole);
    const loops = samples.filter(({ name }) => name === 'xlreg_thread_event_loop_delay_seconds_count');
    expect(loops.map(({ labels }) => labels.thread).sort()).toEqual(['coordinator', 'main']);
  });

  it('has no label whose values a peer chooses', async () => {
    const before = samplesOf(await registry.process.metrics()).length;
    for (let i = 0; i < 5; i++) {
      const { client } = await registry.register(WIRES[i % WIRES.length]!, { name: `named-${i}` });
      await client.create(`cluster-${i}`, 2);
      await client.join(`cluster-${i}`);
      client.close();
    }
    await until(async () => (await value('xlreg_sessions_ended_total', { ...WIRES[0]!, end: 'peer-closed' }))! >= 3);
    const page = await registry.process.metrics();
    expect(page).not.toMatch(/named-|cluster-\d|127\.0\.0/);
    // A label may be new for the first session that ends so.
    expect(samplesOf(page).length).toBeLessThanOrEqual(before + WIRES.length);
  });
});
