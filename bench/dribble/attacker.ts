// A process that dribbles: sessions that send messages of empty fields, a block in each TCP segment, as fast as they can, and
// begin again when the server closes. Told by argv: JSON of an AttackOrder. Ends when its parent does.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { BLOCK_BYTES, MESSAGE_BYTES_MAX } from '../../src/limits.ts';
import { encryptBlocks } from '../../src/wire/aes-cbc.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { sealHello } from '../../src/wire/hello.ts';
import { parseRegCred } from '../../src/wire/reg-cred.ts';

/** Whom to attack; without credentials a server of this process that drops what it reads, which is the control. */
export interface AttackOrder {
  readonly regCredText: string | undefined;
  readonly connections: number;
}

/** Empty ClusterNames: fields that never become a message (M8). */
const FIELD = Buffer.from([0x72, 0x00]);
const { prefixed } = DIALECTS;

const order = JSON.parse(process.argv[2]!) as AttackOrder;
process.once('disconnect', () => process.exit());
const regCred = order.regCredText === undefined ? undefined : parseRegCred(order.regCredText);
const port = regCred ? Number(regCred.endPoints[0]!.split(':').at(-1)) : await openSink();
let segments = 0;
for (let i = 0; i < order.connections; i++) void attack();
process.on('message', () => process.send!(segments));
process.send!(0);

async function openSink(): Promise<number> {
  const sink = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(sink, 'listening');
  return (sink.address() as { port: number }).port;
}

async function attack(): Promise<never> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    try {
      await once(socket, 'connect');
      await dribble(socket);
      if (regCred) await closed;
    } catch {
      // The server ended it early.
    }
    socket.destroy();
  }
}

async function dribble(socket: Socket): Promise<void> {
  const plain = Buffer.alloc(MESSAGE_BYTES_MAX - BLOCK_BYTES, FIELD);
  const iv = randomBytes(BLOCK_BYTES);
  const wire = Buffer.concat([iv, encryptBlocks(await greet(socket), iv, plain), Buffer.alloc(1)]);
  socket.resume();
  for (let at = 0; at < wire.length && socket.writable; at += BLOCK_BYTES) {
    await new Promise<void>((resolve, reject) => {
      socket.write(wire.subarray(at, at + BLOCK_BYTES), (error) => (error ? reject(error) : setImmediate(resolve)));
    });
    segments += 1;
  }
}

/** Goes through the Hello; the session's key. */
async function greet(socket: Socket): Promise<Uint8Array> {
  if (!regCred) return randomBytes(32);
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
