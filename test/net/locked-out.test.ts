// Attacks from a few addresses on the WebSocket port must not keep other clients out. Both engines.

import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { FieldRegistry, type Wire } from '../field/field-registry.ts';
import { OP } from '../field/protobuf.ts';
import { until } from '../support/until.ts';
import { describeEachEngine } from '../support/web-engines.ts';

const UPGRADE = [
  'GET /xlreg HTTP/1.1',
  'Host: x',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
].join('\r\n');
/** A close frame, masked with zeros, without a status. */
const CLOSE_FRAME = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

let registry: FieldRegistry;
let attacking = false;
const sockets = new Set<Socket>();
afterEach(async () => {
  attacking = false;
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  expect(await registry.stop()).toBe(0);
});

/** Opens a connection that never closes its side, and opens another when the registry has closed it. */
function attack(localAddress: string, response: (socket: Socket) => void): void {
  const socket = connect({ host: '127.0.0.1', port: registry.process.wsPort, localAddress, allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => {});
  socket.once('connect', () => response(socket));
  // The socket closes on a reset only: after a FIN this side stays open.
  socket.once('close', () => {
    sockets.delete(socket);
    if (attacking) setImmediate(() => attack(localAddress, response));
  });
  socket.resume();
}

/** Runs sessions, eight at a time. Returns why each that was not served failed. */
async function failedSessions(count: number, wires: readonly Wire[]): Promise<string[]> {
  let begun = 0;
  const failures: string[] = [];
  const oneAfterAnother = async () => {
    while (begun < count) {
      const wire = wires[begun++ % wires.length]!;
      try {
        const client = await registry.connect(wire);
        await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
        await client.bye();
      } catch (error) {
        failures.push(`${wire.transport} from ${wire.localAddress ?? '127.0.0.1'}: ${error}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, oneAfterAnother));
  return failures;
}

const TCP: Wire = { transport: 'tcp', dialect: 'prefixed' };
const WS: Wire = { transport: 'ws', dialect: 'prefixed' };

describeEachEngine('with the engine %s', (engine) => {
  const start = async () => {
    const limits = ['--max-connections', '1000', '--limit-exempt', '127.0.0.1/32'];
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, ...limits] });
    attacking = true;
  };

  it('serves others during 1,100 connections of one address that send HEAD (F10)', async () => {
    await start();
    let answers = 0;
    for (let i = 0; i < 1_100; i++) {
      attack('127.0.0.2', (socket) => {
        socket.once('data', () => (answers += 1));
        socket.write('HEAD /regCred.dat HTTP/1.1\r\nHost: x\r\n\r\n');
      });
    }
    await until(() => answers >= 100);
    expect(await failedSessions(116, [TCP, WS])).toEqual([]);
  });

  it('serves others during 256 silent connections from each of four addresses (F10)', async () => {
    await start();
    let opened = 0;
    for (let i = 0; i < 1_024; i++) attack(`127.0.0.${2 + (i % 4)}`, () => (opened += 1));
    await until(() => opened >= 1_024);
    const stranger = { localAddress: '127.0.0.9' };
    expect(await failedSessions(113, [TCP, WS, { ...TCP, ...stranger }, { ...WS, ...stranger }])).toEqual([]);
  });

  it('serves others after 128 WebSockets of each of four addresses end at once without a FIN (F10)', async () => {
    await start();
    const upgraded = new Set<Socket>();
    // Few at a time, so that none is refused as a silent connection.
    for (let wanted = 64; wanted <= 512; wanted += 64) {
      for (let i = 0; i < 64; i++) {
        attack(`127.0.0.${2 + (i % 4)}`, (socket) => {
          socket.once('data', () => upgraded.add(socket));
          socket.write(UPGRADE);
        });
      }
      await until(() => upgraded.size === wanted);
    }
    attacking = false;
    for (const socket of upgraded) {
      for (const sign of ['data', 'end', 'close']) socket.once(sign, () => upgraded.delete(socket));
      socket.write(CLOSE_FRAME);
    }
    await until(() => upgraded.size === 0);
    expect(await failedSessions(16, [TCP, WS])).toEqual([]);
  });

  it('serves others during 1,100 WebSockets of one address that end without a FIN (F10)', async () => {
    await start();
    let closes = 0;
    for (let i = 0; i < 1_100; i++) {
      attack('127.0.0.2', (socket) => {
        socket.write(UPGRADE);
        socket.once('data', () => {
          socket.once('data', () => (closes += 1));
          socket.write(CLOSE_FRAME);
        });
      });
    }
    await until(() => closes >= 100);
    expect(await failedSessions(116, [TCP, WS])).toEqual([]);
  });
});
