// xlreg create prints what the registry has decided.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

it('creates a cluster', async () => {
  const { code, stdout, stderr } = await registry.run('create', 'three', '--size', '3', '--end-points', '2');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^cluster {5}three\nID {10}[0-9a-f]{64}\nsize {8}3\nend points {2}2\n$/);
});

it('finds an existing cluster over the other transport and prints how it differs', async () => {
  const args = ['--json', '--registry', registry.url];
  const created = await registry.run('create', 'found', '--size', '4', ...args);
  expect(created.code).toBe(0);
  const { clusterId } = JSON.parse(created.stdout);
  expect(JSON.parse(created.stdout)).toEqual({
    name: 'found',
    clusterId: expect.stringMatching(/^[0-9a-f]{64}$/),
    size: 4,
    endPoints: 1,
    confirmMs: 0,
    asked: { size: 4, endPoints: 1 },
    asAsked: true,
  });
  const again = ['create', 'found', '--size', '5', '--end-points', '2', '--registry', registry.url];
  const asJson = await registry.run(...again, '--transport', 'ws', '--dialect', 'chained', '--json');
  expect(asJson.code).toBe(0);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ clusterId, size: 4, endPoints: 1, asAsked: false });
  const { stdout } = await registry.run(...again);
  expect(stdout).toContain(
    'Requested: size 5 and end points 2. The cluster existed already, or the registry corrected the request.',
  );
});

it('reports a size that the registry corrects', async () => {
  for (const [asked, decided] of [
    ['1', '2'],
    ['100', '64'],
  ] as const) {
    const { code, stdout } = await registry.run('create', `corrected-${asked}`, '--size', asked);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^size +${decided}$`, 'm'));
    expect(stdout).toContain(`Requested: size ${asked}.`);
  }
});

it('keeps a cluster with the admin token only', async () => {
  const { adminPort, dataDir } = registry.process;
  const flags = ['--keep', '--admin', `127.0.0.1:${adminPort}`];
  const made = await registry.run('create', 'kept', '--size', '4', '--json', ...flags, '--data-dir', dataDir);
  expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: '' });
  const { clusterId } = JSON.parse(made.stdout);
  expect(JSON.parse(made.stdout)).toMatchObject({ name: 'kept', size: 4, endPoints: 1, keep: true, asAsked: true });
  const again = await registry.run('create', 'kept', '--size', '5', ...flags, '--data-dir', dataDir);
  expect(again.stdout).toMatch(/^kept +yes\nRequested: size 5\. The cluster existed/m);
  const found = await registry.run('create', 'kept', '--size', '4', '--json');
  expect(JSON.parse(found.stdout)).toMatchObject({ clusterId, asAsked: true });
  expect(await registry.run('create', 'other', '--size', '4', ...flags)).toMatchObject({ code: 2, stdout: '' });
  expect(await registry.run('create', 'other', '--size', '65', ...flags, '--data-dir', dataDir)).toMatchObject({
    code: 1,
    stdout: '',
  });
});

it('ends with 3 when nothing listens', async () => {
  const { code, stdout } = await registry.run('create', 'c', '--size', '2', '--connect', '127.0.0.1:9');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
});
