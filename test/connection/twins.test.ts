// Twins: one client ID in two live sessions with different end points, as after cloning a machine with its member home.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { runXlreg, startXlreg } from '../cli/xlreg-process.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { until } from '../support/until.ts';

let registry: ClientRegistry;
beforeAll(async () => {
  registry = await ClientRegistry.start();
});
afterEach(() => registry.closeSessions());
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const admin = () => ['--admin', `127.0.0.1:${registry.process.adminPort}`, '--data-dir', registry.process.dataDir];
const twins = async () => Number(/^xlreg_client_twins_total (\d+)$/m.exec(await registry.process.metrics())![1]);
const warnings = (id: string) =>
  registry.process
    .stderr()
    .split('\n')
    .filter((line) => line.includes('different end points') && line.includes(id)).length;

/** A joined member, and a second session of its ID. */
async function twoSessions(name: string, endPoint: string) {
  const { session, member, id } = await registry.identify(name);
  await session.create(name, { size: 3 });
  await session.join(name);
  const other = await registry.connect();
  await other.identify({ ...member, id, endPoints: [endPoint] });
  return { session, other, id };
}

it('reports twins once in log, metric, sessions and API, when the first session is used again', async () => {
  const before = await twins();
  const { session, other, id } = await twoSessions('cloned', '127.0.0.1:9999');
  expect(await twins()).toBe(before);
  for (const each of [session, session, other, session]) await each.cluster('cloned');
  expect(await twins()).toBe(before + 1);
  await until(() => warnings(id) > 0);
  expect(warnings(id)).toBe(1);

  const sessions = JSON.parse((await runXlreg(['sessions', '--json', ...admin()])).stdout).sessions;
  const mine = sessions.filter(({ clientId }: { clientId: string }) => clientId === id);
  expect(mine).toMatchObject([{ twin: true }, { twin: true }]);
  expect((await runXlreg(['sessions', ...admin()])).stdout).toMatch(/ TWIN\n(.*\n)*.* true\n/);
  const token = await readToken();
  const url = `http://127.0.0.1:${registry.process.adminPort}/api/clusters/cloned/members`;
  const members = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).json();
  expect(members).toMatchObject({ members: [{ clientId: id, twin: true }] });
});

it('reports no twins if a member moved and left a session behind, or said Bye in it', async () => {
  const before = await twins();
  const moved = await twoSessions('moved', '127.0.0.1:9999');
  await moved.other.join('moved');
  await moved.session.bye();
  await moved.other.cluster('moved');
  expect(await twins()).toBe(before);
});

it('reports no twins if both sessions have the same end points', async () => {
  const before = await twins();
  const { session, other } = await twoSessions('same', '127.0.0.1:4001');
  for (const each of [session, other, session]) await each.cluster('same');
  expect(await twins()).toBe(before);
});

it('warns a member that finds its own ID with other end points', async () => {
  const flags = ['--registry', join(registry.process.dataDir, 'regCred.dat')];
  const home = ['--home', join(registry.process.dataDir, 'cloned-home')];
  expect((await runXlreg(['create', 'seen', '--size', '3', ...flags])).code).toBe(0);
  const joinAt = (port: number) => [
    'join',
    'seen',
    '--name',
    'a',
    '--end-point',
    `127.0.0.1:${port}`,
    ...home,
    ...flags,
  ];
  const waiting = startXlreg([...joinAt(1), '--wait', '20']);
  await waiting.said(/1 of 3 members/);
  expect((await runXlreg(joinAt(2))).code).toBe(0);
  await waiting.said(/this member's ID with other end points, 127\.0\.0\.1:2/);
  waiting.child.kill('SIGINT');
  expect((await waiting.ended).code).toBe(130);
});

async function readToken(): Promise<string> {
  return (await readFile(join(registry.process.dataDir, 'admin-token'), 'utf8')).trim();
}
