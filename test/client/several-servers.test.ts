// One registry of two servers with the same keys. The client finds the one that is left in bounded time; it skips and
// reports an impostor at an end point. Behind a balancer a session stays with one server.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  connect,
  parseRegCred,
  type RegCred,
  RegistryUnreachable,
  RegistryUntrusted,
  type XlRegError,
} from '../../src/client/index.ts';
import { copyIdentity } from '../support/identity-copy.ts';
import { newVisitor } from '../support/new-member.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
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

/** New credentials of the registry with these end points; the library remembers nothing of them yet. */
const credentials = (...endPoints: string[]): RegCred => ({ ...parseRegCred(one.regCredText), endPoints });

/** The address of a listener that accepts connections and never answers. */
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

const UNUSED_ADDRESS = '127.0.0.1:9';

it('advertises its end points in order, in regCred.dat and in its own token', async () => {
  const advertised = ['a.example:1', 'b.example:2', '[::1]:3', 'c.example:4'];
  expect(parseRegCred(one.regCredText).endPoints).toEqual(advertised);
  const session = await connect(credentials(at(one)));
  expect((await session.credentials()).endPoints).toEqual(advertised);
  await session.bye();
});

it('treats two servers with the same keys as one registry', async () => {
  for (const server of [one, other]) {
    const session = await connect(credentials(at(server)));
    expect((await session.credentials()).id).toBe(Buffer.from(credentials().id).toString('hex'));
    await session.bye();
  }
});

describe('end points', () => {
  it('are tried in order, the one that worked last first', async () => {
    const regCred = credentials(UNUSED_ADDRESS, at(one), at(other));
    const skipped: string[] = [];
    const reached = async (first?: string) => {
      const session = await connect(regCred, { first, onSkipped: (address) => skipped.push(address) });
      await session.bye();
      return session.address;
    };
    expect(await reached()).toBe(at(one));
    expect(skipped).toEqual([UNUSED_ADDRESS]);
    // The process prefers its own experience to `first`.
    expect(await reached(UNUSED_ADDRESS)).toBe(at(one));
    expect(skipped).toEqual([UNUSED_ADDRESS]);
  });

  it('begin with `first` if the credentials still name it', async () => {
    for (const [first, reached] of [
      [at(other), at(other)],
      ['127.0.0.1:1', at(one)],
    ] as const) {
      const session = await connect(credentials(at(one), at(other)), { first });
      expect(session.address).toBe(reached);
      await session.bye();
    }
  });

  it('cost their share of the time once if they never answer', async () => {
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

  it('take no longer than the timeout together if none answers', async () => {
    const silent = [await silentPort(), await silentPort(), await silentPort()];
    const began = performance.now();
    await expect(connect(credentials(...silent), { timeoutMs: 600 })).rejects.toThrow(RegistryUnreachable);
    expect(performance.now() - began).toBeLessThan(900);
  });

  it('are skipped and reported if an impostor answers', async () => {
    const impostor = await ScriptedRegistry.start({ answerHello: (bytes) => [Buffer.alloc(bytes.length, 7)] });
    stops.push(() => impostor.stop());
    // These are the impostor's keys: it can read the Hello, and no server of ours can.
    const { endPoints } = impostor.regCred;
    const skipped: [string, XlRegError][] = [];
    const nobody = connect(
      { ...impostor.regCred, endPoints: [...endPoints, at(one)] },
      {
        onSkipped: (address, why) => skipped.push([address, why]),
      },
    );
    // With no end point left, an untrusted reply outweighs a missing one.
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

it('connects elsewhere after a lost session', async () => {
  const balancer = await TcpRelay.to(one.tcpPort);
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

it('keeps a session on one server behind a balancer', async () => {
  const balancer = await TcpRelay.to(one.tcpPort, other.tcpPort);
  stops.push(() => balancer.stop());
  const visitor = newVisitor();
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
