// Refusals and warnings that tell the user what to do next.
import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adviceOn } from '../../src/cli/end-point-advice.ts';
import { keyFingerprint, parseRegCred, printRegCred } from '../../src/index.ts';
import { startRegistry } from '../support/registry-process.ts';
import { CliRegistry } from './cli-registry.ts';

let registry: CliRegistry;
beforeAll(async () => {
  registry = await CliRegistry.start();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

const joinAs = (cluster: string, name: string, endPoint: string, ...args: string[]) => [
  ...['join', cluster, '--name', name, '--end-point', endPoint, ...args],
];

it('refuses the name of another member and names two ways out (R13)', async () => {
  await registry.run('create', 'names', '--size', '3');
  expect((await registry.run(...joinAs('names', 'a', '127.0.0.1:1'))).code).toBe(0);
  const { code, stderr } = await registry.run(...joinAs('names', 'a', '127.0.0.1:2', '--home', 'other'));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('name already in use; ') });
  expect(stderr).toContain('--home');
  expect(stderr).toContain('xlreg evict');
});

describe('end points', () => {
  it.each(['0.0.0.0:1', '[::]:1', '[0:0::0]:1', '[::ffff:0.0.0.0]:1'])('refuses %s', async (endPoint) => {
    const { code, stderr } = await registry.run(...joinAs('c', 'a', endPoint));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('an address to listen on') });
  });

  it('refuses five', async () => {
    const five = Array.from({ length: 4 }, (_, at) => ['--end-point', `127.0.0.1:${at + 2}`]).flat();
    const { code, stderr } = await registry.run(...joinAs('c', 'a', '127.0.0.1:1', ...five));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('4 times at most') });
  });

  it('warns of an end point of another member', async () => {
    await registry.run('create', 'ends', '--size', '3');
    await registry.run(...joinAs('ends', 'e1', '127.0.0.1:7'));
    const { code, stderr } = await registry.run(...joinAs('ends', 'e2', '127.0.0.1:7'));
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'xlreg join: --end-point 127.0.0.1:7: member 0 has the same end point\n',
    });
  });

  it('advises against loopback for a remote registry', () => {
    const at = (endPoint: string, address: string) => adviceOn({ id: 'x', endPoints: [endPoint] }, address, []);
    for (const local of ['127.0.0.1:1', '127.1.2.3:1', '[::1]:1', 'localhost:1', 'TcpEndPoint: 127.0.0.1:1']) {
      expect(at(local, '10.0.0.1:56789')).toEqual([expect.stringContaining('cannot reach it')]);
      expect(at(local, 'ws://registry.example/xlreg')).toEqual([expect.stringContaining('cannot reach it')]);
      for (const near of ['127.0.0.1:1', '[::1]:1', 'ws://localhost:1/xlreg']) expect(at(local, near)).toEqual([]);
    }
    expect(at('10.0.0.2:1', '10.0.0.1:56789')).toEqual([]);
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === 'IPv4' && !found.internal)?.address;
  it.skipIf(outside === undefined)('warns of loopback on stderr', async () => {
    const server = await startRegistry({ args: ['--tcp', `${outside}:0`] });
    const here = ['--registry', join(server.dataDir, 'regCred.dat')];
    await registry.run('create', 'c', '--size', '2', ...here);
    const { code, stderr } = await registry.run(...joinAs('c', 'a', '127.0.0.1:7', ...here));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('cannot reach it') });
    expect(await server.stop()).toBe(0);
  });
});

describe('a rejected Hello', () => {
  const ws = (port: number) => ['--connect', `ws://127.0.0.1:${port}/xlreg`];

  it('is explained by another registry behind the web port', async () => {
    const other = await startRegistry();
    for (const args of [['check'], ['create', 'c', '--size', '2', '--wait', '20'], ['check', '--wait', '20']]) {
      const { code, stderr } = await registry.run(...args, ...ws(other.wsPort));
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('is of another registry, ID ') });
      expect(stderr).toContain('not the expected registry');
    }
    expect(await other.stop()).toBe(0);
  });

  it('is explained by a replaced comms key', async () => {
    const regCred = parseRegCred(registry.process.regCredText);
    const other = await startRegistry();
    const stale = join(registry.directory, 'stale.dat');
    await writeFile(stale, printRegCred({ ...regCred, commsKey: parseRegCred(other.regCredText).commsKey }));
    await other.stop();
    const web = ws(registry.process.wsPort);
    const { code, stderr } = await registry.run('check', '--registry', stale, ...web, '--dialect', 'prefixed');
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining(keyFingerprint(regCred.commsKey)) });
    expect(stderr).toContain('these credentials are out of date');
  });

  it('is explained by a replaced sig key, without its fingerprint', async () => {
    const regCred = parseRegCred(registry.process.regCredText);
    const stale = join(registry.directory, 'stale-sig.dat');
    await writeFile(stale, printRegCred({ ...regCred, sigKey: regCred.commsKey }));
    const web = ws(registry.process.wsPort);
    const { code, stderr } = await registry.run('check', '--registry', stale, ...web);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('has another sig key') });
    expect(stderr).not.toContain('SHA256:');
  });

  it('is explained by the limit on Hellos', async () => {
    const full = await startRegistry({ args: ['--max-hellos-per-second', '1'] });
    const file = ['--registry', join(full.dataDir, 'regCred.dat'), '--dialect', 'prefixed', ...ws(full.wsPort)];
    const ran = await Promise.all(Array.from({ length: 6 }, () => registry.run('check', '--json', ...file)));
    const states = ran.map(({ stdout }) => JSON.parse(stdout).endPoints[0]);
    const turnedAway = states.find(({ state }) => state !== 'ok');
    expect(turnedAway).toMatchObject({
      state: 'full',
      why: expect.stringContaining('so a limit turned this client away'),
    });
    expect(await full.stop()).toBe(0);
  });

  it('is explained by both causes without a web port', async () => {
    const other = await startRegistry();
    const { code, stderr } = await registry.run(
      ...['check', '--connect', `127.0.0.1:${other.tcpPort}`, '--dialect', 'prefixed'],
    );
    expect(code).toBe(3);
    expect(stderr).toContain('or it has another comms key than these credentials');
    expect(await other.stop()).toBe(0);
  });
});
