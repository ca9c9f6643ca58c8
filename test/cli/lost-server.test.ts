// A wait outlives its server: the registry goes on behind another end point with the same keys and table, and the
// waiting command ends with the full cluster.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseRegCred, printRegCred } from '../../src/index.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { homeIn, runXlreg, startXlreg } from './xlreg-process.ts';

let directory: string;
let server: RegistryProcess;
/** Two end points, each with a changing set of servers. */
let ends: TcpRelay[];
let env: { readonly XLREG_REGISTRY: string };
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xlreg-lost-'));
  server = await start();
  ends = [await TcpRelay.to(server.tcpPort), await TcpRelay.to()];
  env = { XLREG_REGISTRY: join(directory, 'both.dat') };
  const endPoints = ends.map(({ address }) => address);
  await writeFile(env.XLREG_REGISTRY, printRegCred({ ...parseRegCred(server.regCredText), endPoints }));
});
afterEach(async () => {
  for (const end of ends) end.stop();
  expect(await server.stop()).toBe(0);
  await rm(directory, { recursive: true });
});

const start = () => startRegistry({ args: ['--store', 'lmdb'], dataDir: join(directory, 'data') });
const run = (...args: string[]) => runXlreg(args, { cwd: directory, env });
const joinAs = (name: string, ...args: string[]) => [
  'join',
  'c',
  '--name',
  name,
  '--end-point',
  `127.0.0.1:${name.charCodeAt(0)}`,
  ...args,
];

it.each([
  { how: 'is killed', signal: 'SIGKILL' },
  { how: 'stops in order', signal: 'SIGTERM' },
] as const)('keeps join and members waiting when their server $how', async ({ signal }) => {
  expect((await run('create', 'c', '--size', '3')).code).toBe(0);
  const alice = startXlreg(joinAs('alice', '--wait', '20', '--json'), { cwd: directory, env });
  const watcher = startXlreg(['members', 'c', '--wait', '20', '--json'], { cwd: directory, env });
  await Promise.all([alice.said(/1 of 3 members/), watcher.said(/1 of 3 members/)]);

  await server.stop(signal);
  await Promise.all([alice.said(/ lost \S+ \(/), watcher.said(/ lost \S+ \(/)]);
  server = await start();
  ends[1]!.servers = [server.tcpPort];
  const joining = await Promise.all(['bob', 'carol'].map((name) => run(...joinAs(name))));
  expect(joining.map(({ code }) => code)).toEqual([0, 0]);

  const names = expect.arrayContaining(['alice', 'bob', 'carol'].map((name) => expect.objectContaining({ name })));
  const [joined, watched] = (await Promise.all([alice.ended, watcher.ended])).map(({ code, stdout, stderr }) => {
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('3 of 3 members') });
    return JSON.parse(stdout);
  });
  expect(joined).toMatchObject({ name: 'alice', index: 0, complete: true, members: names });
  expect(watched).toMatchObject({ complete: true, members: names });

  // A returning member first tries the address that served it last.
  const { registryAddress } = JSON.parse(
    await readFile(join(homeIn(directory, server.regCredText, 'bob'), 'member.json'), 'utf8'),
  );
  expect(registryAddress).toBe(ends[1]!.address);
  const again = await run(...joinAs('bob'));
  expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
});

it.each([
  { what: 'registration', answersMax: 1 },
  { what: 'change', answersMax: 2 },
])(
  'moves create, join and members to the next server when the reply to their $what is lost',
  async ({ answersMax }) => {
    ends[0]!.answersMax = answersMax;
    ends[1]!.servers = [server.tcpPort];
    const commands = [['create', 'c', '--size', '2'], joinAs('alice'), ['members', 'c', '--json']];
    for (const command of commands) {
      const { code, stdout, stderr } = await run(...command);
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`skipped ${ends[0]!.address}`),
      });
      if (command[0] === 'members') {
        expect(JSON.parse(stdout).members).toMatchObject([{ name: 'alice', index: 0 }]);
      }
    }
  },
);

it('ends a command whose only server is gone with code 3 and the reason', async () => {
  ends[0]!.answersMax = 2;
  const other = ends[1]!.address;
  ends[1]!.stop();
  const { code, stderr } = await run('create', 'c', '--size', '2');
  expect(code).toBe(3);
  expect(stderr).toContain(`skipped ${other}`);
});
