// xlreg leave: gives a seat back, which the next new member takes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const joins = (member: string) => registry.run('join', 'c', '--name', member, '--end-point', '127.0.0.1:1');
const leaves = (member: string, ...args: string[]) => registry.run('leave', 'c', '--name', member, ...args);
const seats = async (): Promise<[number, string][]> => {
  const { stdout } = await registry.run('members', 'c', '--json');
  return JSON.parse(stdout).members.map(({ index, name }: { index: number; name: string }) => [index, name]);
};

it('empties the seat, also when repeated, and the next new member takes the lowest empty one (A8, R14)', async () => {
  await registry.run('create', 'c', '--size', '3');
  for (const member of ['alice', 'bob', 'carol']) expect((await joins(member)).code).toBe(0);
  const watching = registry.start('join', 'c', '--name', 'alice', '--end-point', '127.0.0.1:1', '--wait', '20');
  expect((await watching.ended).code).toBe(0);

  expect(await leaves('bob')).toEqual({ code: 0, stdout: 'bob has left c\n', stderr: '' });
  expect(await leaves('alice')).toMatchObject({ code: 0 });
  const again = await leaves('bob', '--json');
  expect({ ...again, stdout: JSON.parse(again.stdout) }).toMatchObject({
    ...{ code: 0, stderr: '' },
    stdout: { left: 'c', name: 'bob', id: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(await seats()).toEqual([[2, 'carol']]);

  expect((await joins('dave')).code).toBe(0);
  expect((await joins('bob')).code).toBe(0);
  expect((await joins('alice')).stderr).toContain('cluster is full');
  expect(await seats()).toEqual([
    [0, 'dave'],
    [1, 'bob'],
    [2, 'carol'],
  ]);

  const lines = (await readFile(join(registry.process.dataDir, 'audit.log'), 'utf8')).trim().split('\n');
  const left = lines.map((line) => JSON.parse(line)).filter(({ action }) => action === 'leave');
  expect(left.map(({ object, outcome }) => [object.cluster, object.member, outcome])).toEqual([
    ['c', 'bob', 'done'],
    ['c', 'alice', 'done'],
  ]);
});

it('tells a running member of the same home that it has left', async () => {
  await registry.run('create', 'watched', '--size', '3');
  const member = ['--name', 'erin', '--end-point', '127.0.0.1:1'];
  const running = registry.start('join', 'watched', ...member, '--wait', '20');
  await running.said(/1 of 3/);
  expect((await registry.run('leave', 'watched', '--name', 'erin')).code).toBe(0);
  const { code, stderr } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('no longer a member of the cluster: it has left\n');
});

it.each([
  [
    '--dialect prefixed',
    ['c', '--name', 'bob', '--dialect', 'prefixed'],
    '--dialect: prefixed has no message to leave',
  ],
  ['a home without a member', ['c', '--name', 'nobody'], 'holds no member, so nobody cannot leave from here'],
  ['no --name', ['c'], '--name is missing'],
])('explains %s as wrong usage', async (_, args, text) => {
  const { code, stderr } = await registry.run('leave', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(text);
});

it('reports an unknown cluster', async () => {
  const { code, stderr } = await registry.run('leave', 'nowhere', '--name', 'carol');
  const text = 'xlreg leave: the registry refused: cannot find cluster with this name';
  expect([code, stderr]).toEqual([1, expect.stringContaining(text)]);
});
