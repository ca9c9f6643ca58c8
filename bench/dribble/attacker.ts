// The attacking process. Each session sends one incomplete message of 16 KB in segments of a chosen size, as fast as it
// can. It starts again when the server closes it at its deadline. The argument is an AttackOrder as JSON. The process
// ends with its parent.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BLOCK_BYTES, MESSAGE_BYTES_MAX } from '../../src/limits.ts';
import { encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { sealHello } from '../../src/wire/hello.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';

/** The target and the shape of an attack. */
export interface AttackOrder {
  readonly regCredText: string;
  readonly connections: number;
  /** Bytes of a TCP segment: one block to dribble, or the whole message for the control. */
  readonly segmentBytes: number;
}

/** A server waits so long for a complete message (F8). Starts are spread over this time, so Hellos arrive evenly. */
const ROUND_MS = 5_000;

/** An empty ClusterName. Repeated, it never completes a message (M8). */
const FIELD = Buffer.from([0x72, 0x00]);
const { prefixed } = DIALECTS;

const order = JSON.parse(process.argv[2]!) as AttackOrder;
process.once('disconnect', () => process.exit());
const regCred = parseRegCred(order.regCredText);
const port = Number(regCred.endPoints[0]!.split(':').at(-1));
let segments = 0;
for (let i = 0; i < order.connections; i++) setTimeout(attack, (i * ROUND_MS) / order.connections);
process.on('message', () => process.send!(segments));
setTimeout(() => process.send!(0), ROUND_MS);

async function attack(): Promise<never> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    try {
      await once(socket, 'connect');
      await dribble(socket);
      await closed;
    } catch {
      // The server closed it early.
    }
    socket.destroy();
  }
}

async function dribble(socket: Socket): Promise<void> {
  const plain = Buffer.alloc(MESSAGE_BYTES_MAX - BLOCK_BYTES, FIELD);
  const iv = randomBytes(BLOCK_BYTES);
  const wire = Buffer.concat([iv, encryptBlocks(await greet(socket), iv, plain)]);
  socket.resume();
  for (let at = 0; at < wire.length && socket.writable; at += order.segmentBytes) {
    await new Promise<void>((resolve, reject) => {
      socket.write(wire.subarray(at, at + order.segmentBytes), (error) =>
        error ? reject(error) : setImmediate(resolve),
      );
    });
    segments += 1;
  }
}

/** Exchanges Hellos; resolves to the session's key. */
async function greet(socket: Socket): Promise<Uint8Array> {
  const hello = {
    dialect: 'prefixed',
    iv1: undefined,
    key1: randomBytes(32),
    salt1: randomBytes(8),
    version1: 1,
  } as const;
  socket.write(sealHello(regCred.commsKey, hello));
  const [reply] = (await once(socket, 'data')) as [Buffer];
  return prefixed.openHelloReply(hello, reply)!.keys.key2;
}
