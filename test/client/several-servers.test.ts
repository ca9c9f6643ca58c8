// One registry, two servers with the same keys: whichever is left is found, in bounded time, and somebody else at one of the
// end points is passed over and told about. Behind a balancer a session stays with one server.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  connect,
  createVisitor,
  parseRegCred,
  type RegCred,
  RegistryUnreachable,
  RegistryUntrusted,
  type XlRegError,
} from '../../src/client/index.ts';
import { copyIdentity } from '../support/identity-copy.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { TcpBalancer } from '../support/tcp-balancer.ts';
import { ScriptedRegistry } from './scripted-registry.ts';

let one: RegistryProcess;
let other: RegistryProcess;
let otherDirectory: string;
beforeAll(async () => {
  one = await startRegistry({ args: ['--advertise', 'a.example:1,b.example:2,[::1]:3,c.example:4'] });
  otherDirectory = await copyIdentity(one.dataDir);
  other = await startRegistry({ dataDir: otherDirectory });
});
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});
afterAll(async () => {
  expect(await Promise.all([one.stop(), other.stop()])).toEqual([0, 0]);
  await rm(otherDirectory, { recursive: true });
});

const at = ({ tcpPort }: RegistryProcess) => `127.0.0.1:${tcpPort}`;

/** The registry's credentials, which nothing is remembered of yet, with these end points. */
const credentials = (...endPoints: string[]): RegCred => ({ ...parseRegCred(one.regCredText), endPoints });

/** Where connections are accepted, and what is sent there is read by nobody. */
async function silentPort(): Promise<string> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const DEAF = '127.0.0.1:9';

it('advertises its end points in order, in regCred.dat and in its own token', async () => {
  const advertised = ['a.example:1', 'b.example:2', '[::1]:3', 'c.example:4'];
  expect(parseRegCred(one.regCredText).endPoints).toEqual(advertised);
  const session = await connect(credentials(at(one)));
  expect((await session.credentials()).endPoints).toEqual(advertised);
  await session.bye();
});

it('two servers with the same keys are one registry', async () => {
  for (const server of [one, other]) {
    const session = await connect(credentials(at(server)));
    expect((await session.credentials()).id).toBe(Buffer.from(credentials().id).toString('hex'));
    await session.bye();
  }
});

describe('end points', () => {
  it('are tried in order at first, then the one that worked last comes first', async () => {
    const regCred = credentials(DEAF, at(one), at(other));
    const skipped: string[] = [];
    const reached = async (first?: string) => {
      const session = await connect(regCred, { first, onSkipped: (address) => skipped.push(address) });
      await session.bye();
      return session.address;
    };
    expect(await reached()).toBe(at(one));
    expect(skipped).toEqual([DEAF]);
    // What this process has seen counts for more than what it is told.
    expect(await reached(DEAF)).toBe(at(one));
    expect(skipped).toEqual([DEAF]);
  });

  it('begin with the one that another process found, if the credentials still name it', async () => {
    for (const [first, reached] of [
      [at(other), at(other)],
      ['127.0.0.1:1', at(one)],
    ] as const) {
      const session = await connect(credentials(at(one), at(other)), { first });
      expect(session.address).toBe(reached);
      await session.bye();
    }
  });

  it('that accept and never answer cost their share of the time, and only once', async () => {
    const silent = await silentPort();
    const regCred = credentials(silent, at(one));
    const began = performance.now();
    const first = await connect(regCred, { timeoutMs: 1_000 });
    const took = performance.now() - began;
    expect(first.address).toBe(at(one));
    expect(took).toBeGreaterThanOrEqual(499);
    expect(took).toBeLessThan(1_000);
    const skipped: string[] = [];
    const second = await connect(regCred, { timeoutMs: 1_000, onSkipped: (address) => skipped.push(address) });
    expect(skipped).toEqual([]);
    for (const session of [first, second]) await session.bye();
  });

  it('that are all silent take no longer than connecting may', async () => {
    const silent = [await silentPort(), await silentPort(), await silentPort()];
    const began = performance.now();
    await expect(connect(credentials(...silent), { timeoutMs: 600 })).rejects.toThrow(RegistryUnreachable);
    expect(performance.now() - began).toBeLessThan(900);
  });

  it('where somebody else answers are passed over, and told about', async () => {
    const impostor = await ScriptedRegistry.start({ answerHello: (bytes) => [Buffer.alloc(bytes.length, 7)] });
    stops.push(() => impostor.stop());
    // The impostor's keys, so that it can read the Hello at all; no server of ours can.
    const { endPoints } = impostor.regCred;
    const skipped: [string, XlRegError][] = [];
    const nobody = connect(
      { ...impostor.regCred, endPoints: [...endPoints, at(one)] },
      {
        onSkipped: (address, why) => skipped.push([address, why]),
      },
    );
    // None is left: that somebody else answered weighs more than that nobody did.
    await expect(nobody).rejects.toThrow(RegistryUntrusted);
    await expect(nobody).rejects.toThrow(`${at(one)}: the registry closed the connection without a HelloReply`);
    expect(skipped).toEqual([[endPoints[0], expect.any(RegistryUntrusted)]]);

    const stranger = await startRegistry();
    stops.push(() => void stranger.stop());
    const regCred = credentials(at(stranger), at(one));
    const session = await connect(regCred, { onSkipped: (address, why) => skipped.push([address, why]) });
    expect(session.address).toBe(at(one));
    expect(skipped[1]).toEqual([at(stranger), expect.objectContaining({ message: expect.stringContaining('key') })]);
    await session.bye();
  });
});

it('a session that is lost sends the next one elsewhere', async () => {
  const balancer = await TcpBalancer.start([one.tcpPort]);
  stops.push(() => balancer.stop());
  const regCred = credentials(balancer.address, at(other));
  const first = await connect(regCred);
  expect(first.address).toBe(balancer.address);
  const lost = first.credentials();
  balancer.stop();
  await expect(lost).rejects.toThrow(RegistryUnreachable);
  const skipped: string[] = [];
  const second = await connect(regCred, { onSkipped: (address) => skipped.push(address) });
  expect({ address: second.address, skipped }).toEqual({ address: at(other), skipped: [] });
  await second.bye();
});

it("behind a balancer a whole session is one server's", async () => {
  const balancer = await TcpBalancer.start([one.tcpPort, other.tcpPort]);
  stops.push(() => balancer.stop());
  const visitor = await createVisitor();
  const started = async () =>
    Promise.all(
      [one, other].map(async (server) => {
        const counts = (await server.metrics()).matchAll(/^xlreg_sessions_started_total\{.*\} (\d+)$/gm);
        return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
      }),
    );
  const before = await started();
  const ids: string[] = [];
  for (const place of [0, 1, 2, 3]) {
    const session = await connect(credentials(balancer.address));
    await session.identify(visitor);
    const { clusterId } = await session.create(`balanced-${place}`, { size: 2 });
    expect(await session.cluster(`balanced-${place}`)).toMatchObject({ clusterId, members: [] });
    ids.push(clusterId);
    await session.bye();
  }
  expect(new Set(ids).size).toBe(4);
  expect(await started()).toEqual(before.map((count) => count + 2));
});
