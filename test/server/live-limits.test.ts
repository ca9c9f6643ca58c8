// New limits on a running server: they count at once for new connections, Hellos and additions to the table.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { connect, parseRegCred, type RegistrySession } from '../../src/client/index.ts';
import { readConfig } from '../../src/config.ts';
import { OWN_PROCESS } from '../../src/server/own-process.ts';
import { startServer } from '../../src/server/server.ts';
import { giveKeys } from '../support/made-keys.ts';
import { newVisitor } from '../support/new-member.ts';

it('replaces the limits of connections, of growth and of the table', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'xlreg-limits-'));
  await giveKeys(dataDir);
  const free = '127.0.0.1:0';
  const fixed = ['--data-dir', dataDir, '--tcp', free, '--ws', 'off', '--admin', 'off', '--store', 'memory'];
  const configOf = (...args: string[]) => readConfig([...fixed, '--limit-exempt', 'off', ...args], {});
  const observer = {
    log: pino({ level: 'silent' }),
    logLines() {},
    logLinesDropped: () => 0,
    recentTrouble: () => [],
    onDeath(error: unknown) {
      throw error;
    },
  };
  const server = await startServer(
    configOf('--max-connections-per-address', '1', '--max-clusters', '1'),
    observer,
    OWN_PROCESS,
  );
  const regCred = parseRegCred(server.regCred);
  const keys = newVisitor();
  const sessions: RegistrySession[] = [];
  const open = async (name: string) => {
    const session = await connect(regCred, { connect: server.addresses.tcp!, helloTries: 1 });
    sessions.push(session);
    await session.identify({ ...keys, name, endPoints: ['127.0.0.1:4001'], attrs: 0n });
    return session;
  };
  await (await open('one')).create('c1', { size: 2 });
  await expect(open('two')).rejects.toThrow('a limit turned this client away');

  await server.reload(() => configOf('--max-connections-per-address', '9', '--max-clusters', '1'));
  await expect((await open('two')).create('c2', { size: 2 })).rejects.toThrow('registry is full');
  await server.reload(() => configOf('--max-clusters', '4', '--max-clusters-per-second-per-address', '1'));
  await (await open('three')).create('c2', { size: 2 });
  await server.reload(() => configOf('--max-hellos-per-second-per-address', '1', '--max-connections-per-address', '1'));
  await expect(open('four')).rejects.toThrow('a limit turned this client away');
  await server.reload(() => configOf('--limit-exempt', '127.0.0.0/8', '--max-connections-per-address', '1'));
  await (await open('five')).create('c3', { size: 2 });

  for (const session of sessions) session.close();
  await server.stop();
  await rm(dataDir, { recursive: true });
});
