// Several front ends on one port: even load, limits that hold for all together, and the loss of one.

import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ListenError } from '../../src/net/connection.ts';
import { shareWorkers } from '../../src/server/start-front-ends.ts';
import { until } from '../support/until.ts';
import { FrontsServer } from './fronts-server.ts';

const running: FrontsServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});

async function start(...args: string[]): Promise<FrontsServer> {
  const server = await FrontsServer.start(...args);
  running.push(server);
  return server;
}

/** Resolves with the sockets that the server has closed once there are `count` of them. */
async function closed(sockets: readonly Socket[], count: number): Promise<Socket[]> {
  const gone = () => sockets.filter((socket) => socket.closed || socket.readableEnded);
  await until(() => gone().length >= count);
  return gone();
}

/** The ID of a client that brings its own. */
function idOf(number: number): string {
  return number.toString(16).padStart(64, '0');
}

const times = <T>(count: number, make: (at: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, at) => make(at)));

describe('two front ends', () => {
  it('get connections evenly, within 20 %', async () => {
    const server = await start();
    await times(1_000, () => server.open());
    await server.untilOpen(1_000);
    for (const open of await server.openByFront()) {
      expect(open).toBeGreaterThan(400);
      expect(open).toBeLessThan(600);
    }
  });

  it('serve sessions, which operators see in one list, with the address in the audit log', async () => {
    const server = await start();
    const sessions = await times(16, (at) => server.client(`client-${at}`));
    for (const [at, session] of sessions.entries()) await session.create(`cluster-${at}`, { size: 2 });
    const open = await server.openByFront();
    expect(Math.min(...open)).toBeGreaterThan(0);
    const first = (await server.api('/api/sessions?limit=10')) as { sessions: { connection: number }[]; next: number };
    const rest = (await server.api(`/api/sessions?cursor=${first.next}`)) as typeof first;
    const listed = [...first.sessions, ...rest.sessions].map(({ connection }) => connection);
    expect(listed).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    await until(async () => (await server.audit()).split('"action":"create"').length === 17);
    const lines = (await server.audit()).split('\n').filter((line) => line.includes('"action":"create"'));
    expect(lines.filter((line) => line.includes('"address":"127.0.0.1"'))).toHaveLength(16);
  });

  it('share the CPU time by thread and the sessions by front end in the metrics', async () => {
    const server = await start();
    await times(16, () => server.session());
    const cpu = await server.metric('xlreg_thread_cpu_seconds_total', 'thread');
    expect(Object.keys(cpu)).toEqual(['main', 'front-1', 'front-2', 'coordinator', 'worker-0', 'worker-1', 'worker-2']);
    expect(Object.values(cpu).every((seconds) => seconds > 0)).toBe(true);
    const started = Object.values(await server.metric('xlreg_front_sessions_started_total', 'front'));
    expect(started[0]).toBe(0);
    expect(started[1]! + started[2]!).toBe(16);
  });

  it('leave WebSocket to the main thread, with which they share limits', async () => {
    const server = await start('--limit-exempt', 'off', '--max-connections-per-address', '2');
    await server.session('chained', { connect: `ws://${server.server.addresses.ws}/xlreg` });
    await server.session();
    await expect(server.session()).rejects.toThrow('turned this client away');
    const started = Object.values(await server.metric('xlreg_front_sessions_started_total', 'front'));
    expect(started[0]).toBe(1);
    expect(started[1]! + started[2]!).toBe(1);
  });

  it('end a wait for a cluster on whichever front end the waiting client is', async () => {
    const server = await start();
    const creator = await server.client('creator', 'sealed', { id: idOf(1) });
    await creator.create('waited', { size: 4 });
    await creator.join('waited');
    const watchers = await times(8, (at) => server.client(`w-${at}`, 'sealed', { id: idOf(10 + at) }));
    const known = await Promise.all(
      watchers.map((one) => one.changes('waited', { known: undefined, waitMs: 0, until: 'change' })),
    );
    const waits = watchers.map((one, at) =>
      one.changes('waited', { known: known[at]!.known, waitMs: 50_000, until: 'change' }),
    );
    await until(async () => (await server.metric('xlreg_waits_parked', ''))['']! === 8);
    const joiner = await server.client('joiner', 'sealed', { id: idOf(2) });
    await joiner.join('waited');
    const told = await Promise.all(waits);
    expect(told.map(({ members }) => members.map(({ name }) => name))).toEqual(new Array(8).fill(['joiner']));
  });

  it('notice one client ID in use on both', async () => {
    const server = await start();
    const placed = (port: number) =>
      server.client('twin', 'chained', { endPoints: [`127.0.0.1:${port}`], id: idOf(1) });
    const first = await placed(4_001);
    for (let met = false; !met; ) {
      const before = await server.openByFront();
      await placed(4_002);
      met = (await server.openByFront()).every((count, front) => before[front]! > 0 || count > 0);
    }
    await until(async () => {
      await first.create('any', { size: 2 });
      return server.log.some((line) => line.includes('in use with different end points'));
    });
  });
});

describe('the limits of two front ends', () => {
  it('count connections of each address together', async () => {
    const server = await start('--limit-exempt', 'off', '--max-connections-per-address', '10');
    for (const address of ['127.0.0.1', '127.0.0.2']) {
      const sockets = await times(60, () => server.open(address));
      expect(await closed(sockets, 50)).toHaveLength(50);
    }
    await server.untilOpen(20);
    await server.reload('--limit-exempt', 'off', '--max-connections-per-address', '12');
    // Further front ends hear of new limits by a message.
    await until(async () => {
      await server.open();
      return (await server.openByFront()).reduce((sum, one) => sum + one, 0) === 22;
    });
    const more = await times(30, () => server.open());
    expect(await closed(more, 30)).toHaveLength(30);
    const { addresses } = (await server.api('/api/limits')) as { addresses: { address: string }[] };
    expect(addresses.map(({ address }) => address).sort()).toEqual(['127.0.0.1', '127.0.0.2']);
  });

  it('count connections in all, and displace the oldest of all without a good Hello', async () => {
    const server = await start('--max-connections', '40');
    const kept = await times(4, () => server.session());
    const order: Socket[] = [];
    for (let count = 5; count <= 40; count++) {
      order.push(await server.open());
      await server.untilOpen(count);
    }
    const [first, second] = await server.openByFront();
    expect(Math.min(first!, second!)).toBeGreaterThan(0);
    for (let displaced = 1; displaced <= 20; displaced++) {
      order.push(await server.open());
      expect(await closed(order, displaced)).toEqual(order.slice(0, displaced));
    }
    await server.untilOpen(40);
    for (const session of kept) await session.credentials();
    expect((await server.metric('xlreg_admission_drops_total', 'cause')).displaced).toBe(20);
  });

  it('charge Hellos of one address together', async () => {
    const since = performance.now();
    const server = await start('--limit-exempt', 'off', '--max-hellos-per-second-per-address', '1');
    const results = await Promise.allSettled(Array.from({ length: 40 }, () => server.session()));
    const answered = results.filter(({ status }) => status === 'fulfilled').length;
    // Ten seconds' worth at once, and what has come back since.
    expect(answered).toBeGreaterThanOrEqual(10);
    expect(answered).toBeLessThanOrEqual(10 + Math.ceil((performance.now() - since) / 1_000));
  });
});

describe('a front end that dies', () => {
  it('costs its own connections, gives back what they held, and is replaced', async () => {
    const server = await start('--max-connections', '40');
    const sessions = await times(40, (at) => server.client(`client-${at}`));
    const [lost, kept] = (await server.openByFront()) as [number, number];
    expect(lost).toBeGreaterThan(0);
    server.killFurther();
    const results = await Promise.allSettled(sessions.map((one, at) => one.create(`cluster-${at}`, { size: 2 })));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(lost);
    const survivors = sessions.filter((_, at) => results[at]!.status === 'fulfilled');
    await server.untilOpen(kept);
    expect((await server.metric('xlreg_front_failures_total', ''))['']).toBe(1);
    await until(async () => (await server.metric('xlreg_admission_connections', ''))['']! === kept);
    expect((await server.metric('xlreg_sessions_ended_total', 'end'))['front-failed']).toBe(lost);
    expect(server.log.filter((line) => line.includes('a front end failed'))).toHaveLength(1);
    await until(() => replacements(server) === 1);
    // The room of the lost ones, exactly, on both front ends again.
    await until(async () => {
      (await server.session()).close();
      return (await server.openByFront())[0]! > 0 || (await frontOneStarted(server)) > lost;
    });
    await server.untilOpen(kept);
    const next = await times(lost, (at) => server.client(`next-${at}`));
    const refused = await Promise.allSettled([server.session()]);
    expect(refused[0]!.status).toBe('rejected');
    for (const [at, session] of [...survivors, ...next].entries()) await session.create(`after-${at}`, { size: 2 });
    expect(server.deaths).toEqual([]);
  });

  it('is replaced by one with the limits that were set meanwhile', async () => {
    const limited = ['--limit-exempt', 'off', '--max-connections-per-address'];
    const server = await start(...limited, '100');
    server.killFurther();
    await until(async () => {
      (await server.session().catch(() => undefined))?.close();
      return server.log.some((line) => line.includes('a front end failed:'));
    });
    await server.reload(...limited, '4');
    await until(() => replacements(server) === 1);
    await server.untilOpen(0);
    const sockets = await times(60, () => server.open());
    expect(await closed(sockets, 56)).toHaveLength(56);
  });

  it('is replaced no more at the fifth failure in a minute', async () => {
    const server = await start();
    for (let failure = 1; failure <= 5; failure++) {
      server.killFurther();
      await until(async () => {
        (await server.session().catch(() => undefined))?.close();
        return server.deaths.length > 0 || (await server.metric('xlreg_front_failures_total', ''))['']! >= failure;
      });
      // Before it, the channel is the dead one's.
      if (failure < 5) await until(() => replacements(server) === failure);
    }
    await until(() => server.deaths.length > 0);
  });
});

/** Times that front end 1 has been replaced. */
function replacements(server: FrontsServer): number {
  return server.log.filter((line) => line.includes('"front":1,"msg":"a front end that failed has been rep')).length;
}

/** Sessions that front end 1 has answered. */
async function frontOneStarted(server: FrontsServer): Promise<number> {
  return (await server.metric('xlreg_front_sessions_started_total', 'front'))['1']!;
}

describe('the port of several front ends', () => {
  it('is refused to a second registry, and free after a drain that ends every session', async () => {
    const server = await start();
    const sessions = await times(16, (at) => server.client(`client-${at}`));
    const address = server.server.addresses.tcp!;
    for (const fronts of ['2', '1']) {
      await expect(FrontsServer.start('--tcp', address, '--fronts', fronts)).rejects.toThrow(ListenError);
    }
    const stopped = server.server.stop();
    await until(async () => (await server.open().catch(() => undefined)) === undefined);
    // Requests are served until the drain begins, a moment after the ports have closed.
    const untilRefused = async (session: (typeof sessions)[number], at: number) => {
      for (let number = 0; ; number++) await session.create(`late-${at}-${number}`, { size: 2 });
    };
    const refused = await Promise.allSettled(sessions.map(untilRefused));
    expect(refused.map((result) => String((result as PromiseRejectedResult).reason))).toEqual(
      new Array(16).fill(expect.stringContaining('server is shutting down')),
    );
    await stopped;
    const next = await start('--tcp', address);
    expect(next.server.addresses.tcp).toBe(address);
    await next.session();
  });
});

it('gives each front end an even share of the workers, one at least', () => {
  const shares = (workers: number, fronts: number, hasWeb = true) =>
    shareWorkers(workers, fronts, hasWeb).map((share) => Object.values(share));
  expect(shares(5, 2)).toEqual([
    [3, 0],
    [2, 3],
  ]);
  expect(shares(6, 3, false)).toEqual([
    [1, 0],
    [3, 1],
    [2, 4],
  ]);
  expect(shares(4, 1, false)).toEqual([[4, 0]]);
  expect(shares(1, 3).map(([workers]) => workers)).toEqual([1, 1, 1]);
});
