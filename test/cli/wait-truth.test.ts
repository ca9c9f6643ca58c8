// The roster printed after --wait is the registry's. Exit code 0 means that this member is on it.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adminToken } from '../support/admin-token.ts';
import { startRegistry } from '../support/registry-process.ts';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
beforeEach(async () => {
  registry = await CliRegistry.start();
});
afterEach(async () => {
  expect(await registry.stop()).toBe(0);
});

const joinAs = (cluster: string, name: string, port: number, ...args: string[]) => [
  ...['join', cluster, '--name', name, '--home', `home-${name}`, '--end-point', `127.0.0.1:${port}`, '--json'],
  ...args,
];
const rosterIn = (stdout: string): string[] =>
  JSON.parse(stdout).members.map(({ name, endPoints }: { name: string; endPoints: string[] }) =>
    [name, ...endPoints].join(' '),
  );
const admin = () => ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await registry.run(...args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

it('prints the end points that members have when the cluster is full (R6)', async () => {
  await done('create', 'c', '--size', '3');
  const waiting = registry.start(...joinAs('c', 'a', 4001, '--wait', '20'));
  const watching = registry.start('members', 'c', '--wait', '20', '--json');
  await Promise.all([waiting.said(/^a joined/m), watching.said(/^a joined/m)]);
  await done(...joinAs('c', 'b', 4002));
  await Promise.all([waiting.said(/^b joined/m), watching.said(/^b joined/m)]);
  await done(...joinAs('c', 'b', 9999));
  await done(...joinAs('c', 'c', 4003));
  const roster = rosterIn(await done('members', 'c', '--json'));
  expect(roster).toEqual(['a 127.0.0.1:4001', 'b 127.0.0.1:9999', 'c 127.0.0.1:4003']);
  for (const { code, stdout } of await Promise.all([waiting.ended, watching.ended])) {
    expect({ code, roster: rosterIn(stdout) }).toEqual({ code: 0, roster });
  }
});

describe('a member evicted while it waits', () => {
  it('ends with 1 and never rejoins, though others fill the cluster (R14)', async () => {
    await done('create', 'c', '--size', '3');
    await done(...joinAs('c', 'e1', 1));
    const waiting = registry.start(...joinAs('c', 'e2', 2, '--wait', '20'));
    await waiting.said(/2 of 3 members/);
    await done('evict', 'c', 'e2', ...admin());
    for (const name of ['e3', 'e4']) await done(...joinAs('c', name, 3));
    const { code, stdout, stderr } = await waiting.ended;
    expect({ code, stdout, stderr }).toMatchObject({ code: 1, stdout: '' });
    expect(stderr).toContain('no longer a member');
    expect(rosterIn(await done('members', 'c', '--json')).map((line) => line.split(' ')[0])).toEqual([
      'e1',
      'e3',
      'e4',
    ]);
  });

  it('ends with 1 before the cluster is full', async () => {
    await done('create', 'c', '--size', '3');
    const waiting = registry.start(...joinAs('c', 'lonely', 1, '--wait', '20'));
    await waiting.said(/1 of 3 members/);
    await done('evict', 'c', 'lonely', ...admin());
    const { code, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('no longer a member') });
  });

  it('ends with 1 when the whole cluster is deleted', async () => {
    await done('create', 'c', '--size', '3');
    const waiting = registry.start(...joinAs('c', 'lonely', 1, '--wait', '20'));
    await waiting.said(/1 of 3 members/);
    await done('delete', 'c', ...admin());
    const { code, stderr } = await waiting.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('no longer a member') });
  });
});

it('prints only the members left at the deadline', async () => {
  await done('create', 'c', '--size', '3');
  await done(...joinAs('c', 'gone', 1));
  const watching = registry.start('members', 'c', '--wait', '6', '--json');
  await watching.said(/^gone joined/m);
  // A command would need much of the time on a busy machine.
  const { adminPort, dataDir } = registry.process;
  const evicted = await fetch(`http://127.0.0.1:${adminPort}/api/clusters/c/members/gone`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${adminToken(dataDir)}` },
  });
  expect(evicted.status).toBe(200);
  const { code, stdout } = await watching.ended;
  expect({ code, roster: rosterIn(stdout) }).toEqual({ code: 1, roster: [] });
});

it('rejoins a registry restored from a backup without it', async () => {
  const dataDir = join(registry.directory, 'data');
  const backup = join(registry.directory, 'backup');
  let server = await startRegistry({ dataDir, args: ['--store', 'lmdb'] });
  const address = `127.0.0.1:${server.tcpPort}`;
  const here = ['--registry', join(dataDir, 'regCred.dat'), '--connect', address];
  await done('create', 'c', '--size', '3', ...here);
  await done('backup', backup, '--admin', `127.0.0.1:${server.adminPort}`, '--data-dir', dataDir);
  const waiting = ['a', 'b'].map((name, at) => registry.start(...joinAs('c', name, at + 1, '--wait', '20', ...here)));
  await Promise.all(waiting.map((one) => one.said(/2 of 3 members/)));
  await server.stop('SIGKILL');
  await rm(dataDir, { recursive: true });
  await done('restore', backup, '--data-dir', dataDir);
  server = await startRegistry({ dataDir, args: ['--store', 'lmdb', '--tcp', address] });
  await done(...joinAs('c', 'c', 3, '--wait', '20', ...here));
  const roster = rosterIn(await done('members', 'c', '--json', ...here));
  expect(roster.toSorted()).toEqual(['a 127.0.0.1:1', 'b 127.0.0.1:2', 'c 127.0.0.1:3']);
  for (const { code, stdout } of await Promise.all(waiting.map(({ ended }) => ended))) {
    expect({ code, roster: rosterIn(stdout) }).toEqual({ code: 0, roster });
  }
  expect(await server.stop()).toBe(0);
});
