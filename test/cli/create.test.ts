// xlreg create: what it prints is what the registry decided.
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

it('finds a cluster that exists, over the other transport, and says how it differs', async () => {
  const args = ['--json', '--registry', registry.url];
  const created = await registry.run('create', 'found', '--size', '4', ...args);
  expect(created.code).toBe(0);
  const { clusterId } = JSON.parse(created.stdout);
  expect(JSON.parse(created.stdout)).toEqual({
    name: 'found',
    clusterId: expect.stringMatching(/^[0-9a-f]{64}$/),
    size: 4,
    endPoints: 1,
    asked: { size: 4, endPoints: 1 },
    asAsked: true,
  });
  const again = ['create', 'found', '--size', '5', '--end-points', '2', '--registry', registry.url];
  const asJson = await registry.run(...again, '--transport', 'ws', '--dialect', 'chained', '--json');
  expect(asJson.code).toBe(0);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ clusterId, size: 4, endPoints: 1, asAsked: false });
  const { stdout } = await registry.run(...again);
  expect(stdout).toContain('Asked for was size 5 and end points 2: the cluster existed, or the registry corrected it.');
});

it('says so when the registry corrects the size', async () => {
  for (const [asked, decided] of [
    ['1', '2'],
    ['100', '64'],
  ] as const) {
    const { code, stdout } = await registry.run('create', `corrected-${asked}`, '--size', asked);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^size +${decided}$`, 'm'));
    expect(stdout).toContain(`Asked for was size ${asked}:`);
  }
});

it('ends with 3 where nobody listens', async () => {
  const { code, stdout } = await registry.run('create', 'c', '--size', '2', '--connect', '127.0.0.1:9');
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
});
