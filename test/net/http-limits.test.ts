// HTTP on the WebSocket port under the connection limits: silent connections, requests for a page, refused upgrades.
// Raw sockets, both engines.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it } from 'vitest';
import type { DropCause } from '../../src/admission/admission-limits.ts';
import type { FieldClient } from '../field/field-client.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { until } from '../support/until.ts';
import { describeEachEngine, WEB_ENGINES } from '../support/web-engines.ts';

let registry: FieldRegistry;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  expect(await registry.stop()).toBe(0);
});

const PAGE = 'GET /regCred.dat HTTP/1.1\r\nHost: x\r\n\r\n';
const upgrade = (...headers: string[]) =>
  ['GET /xlreg HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', ...headers]
    .map((line) => `${line}\r\n`)
    .join('')
    .concat('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
const HEAD = PAGE.replace('GET', 'HEAD');
const POST = (...headers: string[]) =>
  PAGE.replace('GET', 'POST').replace('Host: x', ['Host: x', ...headers].join('\r\n'));
const WEBSOCKET = 'Sec-WebSocket-Version: 13';

async function open(localAddress = '127.0.0.2', port = registry.process.wsPort): Promise<Socket> {
  // This side stays open after the registry's FIN.
  const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Reads until the registry closes. */
async function rest(socket: Socket): Promise<string> {
  return await text(socket).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') throw error;
    return '';
  });
}

async function value(metric: string): Promise<number> {
  const line = (await registry.process.metrics()).split('\n').find((line) => line.startsWith(`${metric} `));
  return Number(line!.slice(metric.length + 1));
}
const drops = (cause: DropCause) => value(`xlreg_admission_drops_total{cause="${cause}"}`);
const connections = () => value('xlreg_admission_connections');

async function untilConnections(count: number): Promise<void> {
  await until(async () => (await connections()) === count);
}

describeEachEngine('with the engine %s', (engine) => {
  const start = async (...args: string[]) => {
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, '--limit-exempt', 'off', ...args] });
  };

  it('counts silent connections for their address, with those of TCP (F10)', async () => {
    await start('--max-connections-per-address', '3');
    const idle = [await open(), await open(), await open()];
    await untilConnections(3);
    expect(await rest(await open())).toBe('');
    const tcp = await registry.open({ ...WIRES[0]!, localAddress: '127.0.0.2' });
    expect((await tcp.waitClosed()).bytes).toHaveLength(0);
    expect(await drops('connections-per-address')).toBe(2);

    const other = await open('127.0.0.3');
    other.write(PAGE);
    expect(await rest(other)).toMatch(/^HTTP\/1.1 200 /);
    // An answered connection is closed and frees its permit.
    for (const socket of idle) {
      socket.write(PAGE);
      expect(await rest(socket)).toMatch(/^HTTP\/1.1 200 (?:.*\r\n)+regCred \{\r\n/);
    }
    await untilConnections(0);
    const again = [await open(), await open(), await open()];
    await untilConnections(3);
    again[0]!.write(upgrade(WEBSOCKET));
    const [head] = (await once(again[0]!, 'data')) as [Buffer];
    expect(head.toString('latin1')).toMatch(/^HTTP\/1.1 101 /);
    expect(await rest(await open())).toBe('');
    expect(await drops('connections-per-address')).toBe(3);
  });

  it('counts silent connections in all and displaces no session for them (F10)', async () => {
    await start('--max-connections', '8');
    const sessions: FieldClient[] = [];
    for (const wire of [0, 0, 0, 2, 2, 2]) sessions.push(await registry.connect(WIRES[wire]!));
    const idle = [await open('127.0.0.2'), await open('127.0.0.3')];
    await untilConnections(8);
    const late = await open('127.0.0.4');
    // On node:http the oldest makes room for the new one. uWebSockets.js cannot choose, so it drops the new one.
    expect(await rest(engine === 'node' ? idle[0]! : late)).toBe('');
    expect(await drops(engine === 'node' ? 'displaced' : 'silent-connections')).toBe(1);
    expect(await connections()).toBe(8);
    for (const session of sessions) await session.bye();
    await untilConnections(2);
    for (const socket of [...idle, late]) socket.destroy();
    await untilConnections(0);
    const page = await open('127.0.0.4');
    page.write(PAGE);
    expect(await rest(page)).toMatch(/^HTTP\/1.1 200 /);
  });

  it.runIf(engine === 'uws')('gives silent connections a quarter of all permits at most (F10)', async () => {
    await start('--max-connections', '16', '--hello-timeout-ms', '2000');
    const idle = [await open('127.0.0.2'), await open('127.0.0.2')];
    // An address never holds more silent connections than it leaves permits for: here two.
    expect(await rest(await open('127.0.0.2'))).toBe('');
    idle.push(await open('127.0.0.3'), await open('127.0.0.4'));
    await untilConnections(4);
    expect(await rest(await open('127.0.0.5'))).toBe('');
    expect(await drops('silent-connections')).toBe(2);
    const tcp = await Promise.all(Array.from({ length: 12 }, () => registry.connect(WIRES[0]!)));
    expect(await connections()).toBe(16);
    idle[0]!.write(upgrade(WEBSOCKET));
    // Sessions and silent connections hold all permits, and none can be displaced.
    expect(await rest(idle[0]!)).toMatch(/^$|^HTTP\/1.1 101 /);
    for (const session of tcp) await session.bye();
  });

  it('closes each connection after its answer and frees its permit', async () => {
    await start('--max-connections-per-address', '1', '--allowed-origins', 'https://good.example');
    const asked: [string, RegExp][] = [
      [PAGE + PAGE, /^HTTP\/1.1 200 /],
      [HEAD, /^HTTP\/1.1 200 .*\r\n\r\n$/s],
      [HEAD + HEAD, /^$|^HTTP\/1.1 200 /],
      [HEAD.replace('/regCred.dat', '/'), /^HTTP\/1.1 404 /],
      [upgrade(WEBSOCKET).replace('GET', 'HEAD'), /^HTTP\/1.1 40[45] /],
      [upgrade(WEBSOCKET).replace('GET', 'POST'), /^HTTP\/1.1 40[45] /],
      [PAGE.replace('Host: x', 'Host: x\r\nConnection: keep-alive'), /^HTTP\/1.1 200 /],
      [PAGE.replace('Host: x', 'Host: x\r\nExpect: cake'), /^HTTP\/1.1 200 /],
      [PAGE.replace('Host: x', 'Host: x\r\nContent-Length: 10'), /^HTTP\/1.1 200 /],
      [POST('Content-Length: 10'), /^HTTP\/1.1 405 /],
      [POST('Content-Length: 10', 'Expect: 100-continue'), /HTTP\/1.1 405 /],
      [POST('Content-Length: 9000000000'), /^HTTP\/1.1 405 /],
      [`${POST('Content-Length: 8000')}${'x'.repeat(6_000)}`, /^HTTP\/1.1 405 /],
      [`${POST('Transfer-Encoding: chunked')}3\r\nabc\r\n`, /^HTTP\/1.1 405 /],
      [PAGE.replace('/regCred.dat', '/'), /^HTTP\/1.1 404 /],
      [PAGE.replace('GET', 'POST'), /^HTTP\/1.1 405 /],
      [upgrade(WEBSOCKET, 'Origin: https://bad.example'), /^HTTP\/1.1 403 /],
      [upgrade('Sec-WebSocket-Version: 7'), /^HTTP\/1.1 4(00|26) /],
      [upgrade(WEBSOCKET).replace('/xlreg', '/other'), /^HTTP\/1.1 404 /],
    ];
    for (const [request, answer] of asked) {
      const socket = await open();
      socket.write(request);
      expect(await rest(socket)).toMatch(answer);
      await untilConnections(0);
    }
    const socket = await open();
    socket.write(upgrade(WEBSOCKET, 'Origin: https://good.example'));
    await once(socket, 'data');
    expect(await connections()).toBe(1);
    socket.destroy();
    await untilConnections(0);
    expect(await drops('connections-per-address')).toBe(0);
  });
});

it('closes a connection without a whole request, whatever trickles in, with each engine (F8)', async () => {
  registry = await FieldRegistry.start({ args: ['--web-engine', WEB_ENGINES[0]!] });
  const others = await Promise.all(
    WEB_ENGINES.slice(1).map((engine) => FieldRegistry.start({ args: ['--web-engine', engine] })),
  );
  // The engines wait side by side.
  await Promise.all(
    [registry, ...others].map(async ({ process }) => {
      const [silent, slow, odd] = await Promise.all([1, 2, 3].map(() => open('127.0.0.2', process.wsPort)));
      odd!.write('nonsense\r\n\r\n');
      slow!.write('GET /regCred.dat HTTP/1.1\r\n');
      const trickle = setInterval(() => slow!.write('X: y\r\n'), 1_000);
      const ends = await Promise.all([silent!, slow!, odd!].map(rest));
      clearInterval(trickle);
      for (const end of ends) expect(end).toMatch(/^$|^HTTP\/1.1 40[08] /);
      await until(async () => (await process.metrics()).includes('\nxlreg_admission_connections 0\n'));
    }),
  );
  for (const other of others) expect(await other.stop()).toBe(0);
});
