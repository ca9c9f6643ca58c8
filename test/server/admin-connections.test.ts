// The admin port bounds its connections and speaks HTTP/1.0. The tests run with both engines: each leaves the port to
// node:http.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_PER_ADDRESS_MAX } from '../../src/limits.ts';
import { FieldRegistry, WIRES } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

let registry: FieldRegistry;
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  expect(await registry.stop()).toBe(0);
});

function open(localAddress = '127.0.0.1'): Socket {
  const { adminPort: port } = registry.process;
  const socket = connect({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => {});
  return socket.setEncoding('latin1');
}

/** Reads to the end, or to the text `upTo`. */
async function read(socket: Socket, upTo?: string): Promise<string> {
  let text = '';
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    text += piece;
    if (upTo && text.endsWith(upTo)) return text;
  }
  return text;
}

async function value(metric: string): Promise<number> {
  const line = (await registry.process.metrics()).split('\n').find((line) => line.startsWith(`${metric} `));
  return Number(line!.slice(metric.length + 1));
}

describeEachEngine('with the engine %s', (engine) => {
  const start = async (openFilesMax?: number) => {
    const args = ['--web-engine', engine, '--workers', '2'];
    registry = await FieldRegistry.start({ args, ...(openFilesMax && { openFilesMax }) });
  };

  it('leaves files to sessions and room to scrapes despite 800 idle connections', async () => {
    await start(400);
    const witness = await registry.connect(WIRES[0]!);
    const addresses = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`);
    const idle = addresses.flatMap((address) => Array.from({ length: 100 }, () => open(address)));
    await Promise.all(idle.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
    // The registry closes all connections beyond the bound. Each scrape displaces one, too.
    await until(async () => (await value('xlreg_admin_connections_dropped_total')) >= 800 - HTTP_CONNECTIONS_MAX);
    expect(await value('xlreg_admin_connections')).toBeLessThanOrEqual(HTTP_CONNECTIONS_MAX);
    await witness.call({ op: OP.RegCredRequest }, OP.RegCredReply);
    for (const wire of WIRES) {
      const client = await registry.connect(wire);
      await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
      await client.bye();
    }
    expect(registry.process.stderr()).not.toMatch(/EMFILE/);
  });

  it('displaces idle connections of the same address only', async () => {
    await start();
    const other = open('127.0.0.3');
    await once(other, 'connect');
    const first = open('127.0.0.2');
    await once(first, 'connect');
    await until(async () => (await value('xlreg_admin_connections')) >= 3);
    const ended = read(first);
    for (let i = 0; i < 2 * HTTP_CONNECTIONS_PER_ADDRESS_MAX; i++) open('127.0.0.2');
    expect(await ended).toBe('');
    other.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await read(other)).toMatch(/^HTTP\/1.1 200 /);
    const late = open('127.0.0.2');
    late.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await read(late)).toMatch(/^HTTP\/1.1 200 /);
  });

  it('closes a connection without a whole request and keeps an answered one', async () => {
    await start();
    const [silent, slow, body, kept] = [open(), open(), open(), open()];
    slow.write('GET /healthz HTTP/1.1\r\n');
    body.write('POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await read(kept, '}\n')).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\nConnection: keep-alive\r\n/);
    for (const end of await Promise.all([silent, slow, body].map((socket) => read(socket)))) {
      expect(end).toMatch(/^$|^HTTP\/1.1 408 /);
    }
    kept.write('HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await read(kept)).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n$/);
  });

  it('answers HTTP/1.0 and keeps its connection only on request', async () => {
    await start();
    const old = open();
    old.write('GET /readyz HTTP/1.0\r\n\r\n');
    const answer = await read(old);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n\{"status":"ok"/);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    const head = open();
    head.write('HEAD /readyz HTTP/1.0\r\n\r\n');
    expect(await read(head)).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    const kept = open();
    for (let i = 0; i < 2; i++) {
      kept.write('GET /readyz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const again = await read(kept, '}\n');
      expect(again).toMatch(/\r\nConnection: keep-alive\r\n/);
      expect(again).toMatch(/\r\ncontent-length: \d+\r\n/);
    }
  });
});
