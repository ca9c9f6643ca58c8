// Frames that violate RFC 6455 or the protocol (F3): the close frame a peer gets if it never closes its side, and when
// the registry lets go of the connection. Raw sockets; expectations per engine, written from the RFC.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FieldRegistry } from '../field/field-registry.ts';
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

const FIN = 0x80;
const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0x0, 0x1, 0x2, 0x8, 0x9, 0xa];
const [RSV1, RSV2, RSV3] = [0x40, 0x20, 0x10];

interface FrameOptions {
  readonly masked?: boolean;
  /** In place of the payload's length. */
  readonly length?: bigint;
}

/** A frame, masked with zeros by default. */
function frame(first: number, payload: Uint8Array, { masked = true, length }: FrameOptions = {}): Buffer {
  const bytes = length ?? BigInt(payload.length);
  const mask = masked ? 0x80 : 0;
  const head = Buffer.alloc(bytes < 126n ? 2 : bytes < 65_536n ? 4 : 10);
  head[0] = first;
  if (head.length === 2) head[1] = mask | Number(bytes);
  if (head.length === 4) {
    head[1] = mask | 126;
    head.writeUInt16BE(Number(bytes), 2);
  }
  if (head.length === 10) {
    head[1] = mask | 127;
    head.writeBigUInt64BE(bytes, 2);
  }
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** The status of the close frame; `none`: the end without a close frame. */
type Answer = number | 'none';
type Case = readonly [name: string, bytes: Buffer, onUws: Answer, onNode: Answer];

const FOUR = Buffer.from('abcd');
const status = (code: number) => Buffer.from([code >> 8, code & 0xff]);
/** A close frame without a status. */
const EMPTY = 1005;

const CASES: readonly Case[] = [
  ['a text frame', frame(FIN | TEXT, FOUR), 1003, 1003],
  ['a text frame in fragments', Buffer.concat([frame(TEXT, FOUR), frame(FIN | CONTINUATION, FOUR)]), 1003, 1003],
  ['a text frame of invalid UTF-8', frame(FIN | TEXT, Buffer.from([0xff])), 'none', 1007],
  ['the first reserved bit', frame(FIN | RSV1 | BINARY, FOUR), 'none', 1002],
  ['the second reserved bit', frame(FIN | RSV2 | BINARY, FOUR), 'none', 1002],
  ['the third reserved bit', frame(FIN | RSV3 | BINARY, FOUR), 'none', 1002],
  ['reserved opcode 3', frame(FIN | 0x3, FOUR), 'none', 1002],
  ['reserved opcode 15', frame(FIN | 0xf, FOUR), 'none', 1002],
  ['a continuation without a beginning', frame(FIN | CONTINUATION, FOUR), 'none', 1002],
  ['a message within a message', Buffer.concat([frame(BINARY, FOUR), frame(FIN | BINARY, FOUR)]), 'none', 1002],
  ['a ping of 126 bytes', frame(FIN | PING, Buffer.alloc(126)), 'none', 1002],
  ['a pong of 126 bytes', frame(FIN | PONG, Buffer.alloc(126)), 'none', 1002],
  ['a ping in fragments', frame(PING, FOUR), 'none', 1002],
  ['a close frame of 126 bytes', frame(FIN | CLOSE, Buffer.alloc(126)), 'none', 1002],
  ['a message of 16,385 bytes, of which four come', frame(FIN | BINARY, FOUR, { length: 16_385n }), 'none', 1009],
  ['a message of 2^63 bytes', frame(FIN | BINARY, FOUR, { length: 1n << 63n }), 'none', 1009],
  [
    'fragments of 16,385 bytes together',
    Buffer.concat([frame(BINARY, Buffer.alloc(16_384)), frame(FIN | CONTINUATION, Buffer.alloc(1))]),
    'none',
    1009,
  ],
  ['an empty binary message', frame(FIN | BINARY, Buffer.alloc(0)), 'none', 'none'],
  ['a Hello that is too short', frame(FIN | BINARY, FOUR), 'none', 'none'],
  ['a close frame', frame(FIN | CLOSE, status(1000)), 1000, 1000],
  ['a close frame without a status', frame(FIN | CLOSE, Buffer.alloc(0)), EMPTY, EMPTY],
  ['a close frame with status 999', frame(FIN | CLOSE, status(999)), EMPTY, 1002],
  ['a close frame with status 1005', frame(FIN | CLOSE, status(1005)), EMPTY, 1002],
  ['a close frame of one byte', frame(FIN | CLOSE, Buffer.alloc(1)), EMPTY, 1002],
];

/** uWebSockets.js takes four bytes of an unmasked frame for the mask, so it waits for four more. */
const UNMASKED = frame(FIN | BINARY, FOUR, { masked: false });

describeEachEngine('with the engine %s', (engine) => {
  /** Longer than any test, so that no connection ends by it. */
  const HELLO_TIMEOUT_MS = 60_000;
  let registry: FieldRegistry;
  beforeAll(async () => {
    const times = ['--hello-timeout-ms', String(HELLO_TIMEOUT_MS)];
    registry = await FieldRegistry.start({ args: ['--web-engine', engine, ...times] });
  });
  const sockets: Socket[] = [];
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    expect(await registry.stop()).toBe(0);
  });

  /** Opens an upgraded connection that stays half-open after the registry's FIN. */
  async function open(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: registry.process.wsPort, allowHalfOpen: true });
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(UPGRADE);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString('latin1')).toMatch(/^HTTP\/1.1 101 /);
    return socket;
  }

  async function openSessions(): Promise<number> {
    const line = /^xlreg_sessions_open\{dialect="none",transport="ws"\} (\d+)$/m;
    return Number(line.exec(await registry.process.metrics())![1]);
  }

  const column = engine === 'uws' ? 2 : 3;
  it.each(CASES.map((row) => [row[0], row[column], row[1]] as const))(
    'ends the connection for %s at once with close status %s (F3)',
    async (_, expected, bytes) => {
      const socket = await open();
      const pieces: Buffer[] = [];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      const ended = once(socket, 'end');
      const before = performance.now();
      socket.write(bytes);
      await ended;
      expect(performance.now() - before).toBeLessThan(2_000);
      const answer = Buffer.concat(pieces);
      if (expected === 'none') expect(answer).toHaveLength(0);
      else expect(answer).toEqual(expected === EMPTY ? frame(FIN | CLOSE, EMPTY_BYTES, PLAIN) : closed(expected));
    },
  );

  it('ends the connection for an unmasked frame, on uWebSockets.js once more bytes come (F3)', async () => {
    const socket = await open();
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    const ended = once(socket, 'end');
    socket.write(UNMASKED);
    if (engine === 'uws') socket.write(UNMASKED);
    await ended;
    expect(Buffer.concat(pieces)).toEqual(engine === 'uws' ? EMPTY_BYTES : closed(1002));
  });

  it('lets go of connections whose peers have not closed their side', async () => {
    const before = performance.now();
    await until(async () => (await openSessions()) === 0);
    expect(performance.now() - before).toBeLessThan(8_000);
  });
});

const EMPTY_BYTES = Buffer.alloc(0);
const PLAIN = { masked: false };
/** The close frame of a server. */
const closed = (code: number) => frame(FIN | CLOSE, status(code), PLAIN);
