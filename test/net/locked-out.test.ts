// Attacks from few addresses on the WebSocket port, at the figures at which they once locked everybody out. Both engines.

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

/** A connection that never closes its side, and comes again when the registry has closed it. */
function attack(localAddress: string, response: (socket: Socket) => void): void {
  const socket = connect({ host: '127.0.0.1', port: registry.process.wsPort, localAddress, allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => {});
  socket.once('connect', () => response(socket));
  // A reset says that it is closed for sure, a FIN does not.
  socket.once('close', () => {
    sockets.delete(socket);
    if (attacking) setImmediate(() => attack(localAddress, response));
  });
  socket.resume();
}

/** Sessions, eight at a time; returns how many got through. */
async function honestSessions(count: number, wires: readonly Wire[]): Promise<number> {
  let [begun, good] = [0, 0];
  const oneAfterAnother = async () => {
    while (begun < count) {
      const wire = wires[begun++ % wires.length]!;
      const client = await registry.connect(wire).catch(() => undefined);
      if (!client) continue;
      await client.call({ op: OP.RegCredRequest }, OP.RegCredReply);
      await client.bye();
      good += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, oneAfterAnother));
  return good;
}

const TCP: Wire = { transport: 'tcp', dialect: 'prefixed' };
const WS: Wire = { transport: 'ws', dialect: 'prefixed' };

describeEachEngine('with the engine %s', (engine) => {
  const start = async () => {
    const limits = ['--max-connections', '1000', '--limit-exempt', '127.0.0.1/32'];
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, ...limits] });
    attacking = true;
  };

  it('1,100 connections of one address that ask for HEAD keep nobody out (F10)', async () => {
    await start();
    let answers = 0;
    for (let i = 0; i < 1_100; i++) {
      attack('127.0.0.2', (socket) => {
        socket.once('data', () => (answers += 1));
        socket.write('HEAD /regCred.dat HTTP/1.1\r\nHost: x\r\n\r\n');
      });
    }
    await until(() => answers >= 100);
    expect(await honestSessions(116, [TCP, WS])).toBe(116);
  });

  it('four addresses with 256 silent connections each keep nobody out (F10)', async () => {
    await start();
    let opened = 0;
    for (let i = 0; i < 1_024; i++) attack(`127.0.0.${2 + (i % 4)}`, () => (opened += 1));
    await until(() => opened >= 1_024);
    const stranger = { localAddress: '127.0.0.9' };
    expect(await honestSessions(113, [TCP, WS, { ...TCP, ...stranger }, { ...WS, ...stranger }])).toBe(113);
  });

  it('1,100 WebSockets of one address that end without a FIN keep nobody out (F10)', async () => {
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
    expect(await honestSessions(116, [TCP, WS])).toBe(116);
  });
});
