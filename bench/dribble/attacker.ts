// A process that attacks: sessions that each send one message of 16 KB that never becomes whole, in segments of a chosen size,
// as fast as they can, and begin again when the server closes at its deadline. Told by argv: JSON of an AttackOrder. Ends
// when its parent does.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BLOCK_BYTES, MESSAGE_BYTES_MAX } from '../../src/limits.ts';
import { encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { sealHello } from '../../src/wire/hello.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';

/** Whom to attack, and how. */
export interface AttackOrder {
  readonly regCredText: string;
  readonly connections: number;
  /** Bytes of a TCP segment: a block to dribble, or the whole message, which is the control. */
  readonly segmentBytes: number;
}

/** How long a server waits for a message to become whole (F8). Starts are spread over it, so Hellos come evenly. */
const ROUND_MS = 5_000;

/** Empty ClusterNames: fields that never become a message (M8). */
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
      // The server ended it early.
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

/** Goes through the Hello; the session's key. */
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
