// The sweep removes empty clusters after their TTL. It spares clusters that an operator keeps, and clusters stored by
// versions that had no mark. Real servers, with restarts.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { clusterKey, sealValue } from '../../src/store/stored-record.ts';
import { runXlreg } from '../cli/xlreg-process.ts';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { meddle } from '../store/raw-table.ts';
import { adminToken } from '../support/admin-token.ts';
import { until } from '../support/until.ts';

const WIRE: Wire = { transport: 'tcp', dialect: 'prefixed' };
const TTL = ['--empty-cluster-ttl', '1'];

let registry: FieldRegistry;
let directory: string | undefined;
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
  if (directory) await rm(directory, { recursive: true });
});

async function adminCommand(...command: string[]): Promise<string> {
  const { adminPort, dataDir } = registry.process;
  const flags = ['--admin', `127.0.0.1:${adminPort}`, '--data-dir', dataDir];
  const { code, stdout, stderr } = await runXlreg([...command, ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function clusterNames(): Promise<string[]> {
  const { adminPort, dataDir } = registry.process;
  const headers = { authorization: `Bearer ${adminToken(dataDir)}` };
  const answer = await fetch(`http://127.0.0.1:${adminPort}/api/clusters`, { headers });
  const { clusters } = (await answer.json()) as { clusters: { name: string }[] };
  return clusters.map(({ name }) => name);
}

it('removes empty clusters from memory and frees their names (R4)', async () => {
  registry = await FieldRegistry.start({ args: TTL });
  const { client } = await registry.register(WIRE, { name: 'alice' });
  const { clusterId } = await client.create('joined', 2);
  await client.join('joined');
  const { clusterId: first } = await client.create('empty', 2);
  await until(async () => (await clusterNames()).join() === 'joined');
  const again = await client.create('empty', 3);
  expect(again.clusterSize).toBe(3);
  expect(again.clusterId).not.toEqual(first);
  expect((await client.getCluster(clusterId)).tokens).toHaveLength(1);
});

it('removes empty clusters from disk, but neither kept nor unmarked ones (R4)', async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-empty-'));
  const dataDir = join(directory, 'data');
  const args = ['--store', 'lmdb'];
  registry = await FieldRegistry.start({ args, dataDir });
  const { client } = await registry.register(WIRE, { name: 'alice' });
  const { clusterId } = await client.create('old', 5);
  await client.create('empty', 2);
  await client.create('marked', 4);
  expect(await adminCommand('create', 'kept', '--size', '3', '--keep')).toMatch(/^kept +yes$/m);
  expect(await adminCommand('create', 'marked', '--size', '4', '--keep')).toMatch(/^size +4$/m);
  expect(await clusterNames()).toEqual(['empty', 'kept', 'marked', 'old']);
  expect(await registry.stop()).toBe(0);

  // Older versions stored a cluster in this form.
  await meddle(join(dataDir), (table) => {
    const key = clusterKey('old');
    table.putSync(key, sealValue(key, [Buffer.of(5, 1), Buffer.alloc(8), clusterId!]));
  });
  registry = await FieldRegistry.start({ args: [...args, ...TTL], dataDir });
  await until(async () => (await clusterNames()).join() === 'kept,marked,old');
  expect(await registry.stop()).toBe(0);

  // The sweep removes a new empty cluster and spares the others.
  registry = await FieldRegistry.start({ args: [...args, ...TTL], dataDir });
  const { client: again } = await registry.register(WIRE, { name: 'alice' });
  await again.create('late', 2);
  expect(await clusterNames()).toContain('late');
  await until(async () => (await clusterNames()).join() === 'kept,marked,old');
  expect((await again.create('old', 2)).clusterId).toEqual(clusterId);
}, 60_000);
