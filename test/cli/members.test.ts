// xlreg members: prints the members of a cluster given by name or ID, now or once it is full.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

async function create(name: string, size: number): Promise<string> {
  const { stdout } = await registry.run('create', name, '--size', String(size), '--json');
  return JSON.parse(stdout).clusterId;
}

const join = (cluster: string, name: string) =>
  registry.run('join', cluster, '--name', name, '--end-point', '127.0.0.1:1', '--json');

it('prints members by name and by ID, over both transports', async () => {
  const clusterId = await create('seen', 3);
  const { id } = JSON.parse((await join('seen', 'alice')).stdout);

  const { code, stdout, stderr } = await registry.run('members', 'seen');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'cluster  seen',
    `ID       ${clusterId}`,
    'members  1 of 3',
    'state    filling; missing seats: 1-2',
    'INDEX  NAME   ID                 STATEMENT  END POINTS',
    `0      alice  ${id.slice(0, 16)}…  verified   127.0.0.1:1`,
    '',
  ]);

  const over = ['--registry', registry.url, '--transport', 'ws'];
  const byId = await registry.run('members', clusterId.toUpperCase(), '--json', ...over);
  expect(byId.code).toBe(0);
  expect(JSON.parse(byId.stdout)).toEqual({
    clusterId,
    size: 3,
    full: false,
    complete: false,
    epoch: 0,
    members: [expect.objectContaining({ index: 0, name: 'alice', id, attrs: '0', endPoints: ['127.0.0.1:1'] })],
  });
});

it('waits until the cluster is full', async () => {
  await create('awaited', 2);
  const waiting = registry.start('members', 'awaited', '--wait', '20', '--json');
  await waiting.said(/^0 of 2 members; missing seats: 0-1\n/);
  for (const name of ['bob', 'carol']) expect((await join('awaited', name)).code).toBe(0);
  const { code, stdout } = await waiting.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ complete: true, members: [{ name: 'bob' }, { name: 'carol' }] });
});

it('shows how far a cluster with a confirm time is, and who has not confirmed', async () => {
  const created = await registry.run('create', 'forming', '--size', '3', '--confirm', '600', '--json');
  expect(created.code).toBe(0);
  const joinArgs = (name: string) => ['join', 'forming', '--name', name, '--end-point', '127.0.0.1:1'];
  const waiting = registry.startFor(150_000, ...joinArgs('alice'), '--wait', '140');
  await waiting.said(/1 of 3 members/);
  for (const name of ['bob', 'carol']) expect((await join('forming', name)).code).toBe(0);
  await waiting.said(/not yet confirmed: bob, carol\n/);

  const { stdout } = await registry.run('members', 'forming');
  expect(stdout).toMatch(/^state {4}1 of 3 confirmed; not yet confirmed: bob, carol$/m);
  const seen = JSON.parse((await registry.run('members', 'forming', '--json')).stdout);
  expect(seen).toMatchObject({
    ...{ size: 3, full: true, complete: false, epoch: 0, round: expect.stringMatching(/^[0-9a-f]{16}$/) },
    ...{ confirmed: [0], unconfirmed: ['bob', 'carol'] },
  });
  const late = await registry.run('members', 'forming', '--wait', '25');
  expect(late.code).toBe(1);
  expect(late.stderr).toMatch(
    /^xlreg members: time is up after 25 s: 1 of 3 confirmed; not yet confirmed: bob, carol$/m,
  );

  const again = ['bob', 'carol'].map((name) => registry.startFor(100_000, ...joinArgs(name), '--wait', '90'));
  for (const { ended } of again) expect((await ended).code).toBe(0);
  expect((await waiting.ended).stdout).toMatch(/^state {6}complete, epoch 1$/m);
  expect((await registry.run('members', 'forming')).stdout).toMatch(/^state {4}complete, epoch 1$/m);
  const done = JSON.parse((await registry.run('members', 'forming', '--json')).stdout);
  expect(done).toMatchObject({ full: true, complete: true, epoch: 1 });
  expect(done.round).toBeUndefined();
}, 180_000);

it('ends with 1 at the deadline and prints the members', async () => {
  await create('late', 2);
  await join('late', 'dave');
  const { code, stdout, stderr } = await registry.run('members', 'late', '--wait', '6');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^members {2}1 of 2$/m);
  expect(stderr).toMatch(/^xlreg members: time is up after 6 s: filling; missing seats: 1\n$/m);
});

it('ends with 1 for an unknown cluster', async () => {
  for (const [cluster, how] of [
    ['nowhere', 'name'],
    ['ab'.repeat(32), 'ID'],
  ] as const) {
    expect(await registry.run('members', cluster)).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`the registry refused: cannot find cluster with this ${how}; correct its name`),
    });
  }
});

it('ends with 3 when nothing listens', async () => {
  const { code } = await registry.run('members', 'seen', '--connect', 'ws://127.0.0.1:9/xlreg');
  expect(code).toBe(3);
});
