// The client's side of the old dialects, with minimal overhead.
import { HelloRefused, RegistryUnreachable } from '../../src/client/errors.ts';
import type { Transport } from '../../src/client/transport.ts';
import { BLOCK_BYTES } from '../../src/limits.ts';
import { pooledRandom } from '../../src/pool/pooled-random.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { type DialectName, type Hello, sealHello } from '../../src/wire/hello.ts';
import { decodeMessage, encodeMessage, type Message, Op } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { type Exchange, expectOp } from './exchange.ts';

/** Length of a message on the wire: IV (prefixed dialect only), message, 1 to 16 bytes of padding. */
export function wireBytes(dialect: DialectName, plainBytes: number): number {
  return DIALECTS[dialect].ivBytes + BLOCK_BYTES * (Math.floor(plainBytes / BLOCK_BYTES) + 1);
}

/** Pooled, because a call to the system for every IV would take much of the generator's CPU. */
const random = pooledRandom();

/** Exchanges Hellos. Rejects with HelloRefused if the server closes the connection at the Hello. */
export async function greetOld(regCred: RegCred, dialectName: DialectName, transport: Transport): Promise<Exchange> {
  const dialect = DIALECTS[dialectName];
  const iv1 = dialectName === 'chained' ? random(16) : undefined;
  const hello: Hello = { dialect: dialectName, iv1, key1: random(32), salt1: random(8), version1: 1 };
  transport.send(sealHello(regCred.commsKey, hello));
  const reply = await take(transport, (bytes) =>
    bytes.length < dialect.helloReplyBytes ? undefined : dialect.openHelloReply(hello, bytes),
  ).catch((cause: Error) => {
    throw cause instanceof RegistryUnreachable ? new HelloRefused(`at the Hello: ${cause.message}`, { cause }) : cause;
  });
  let keys: SessionKeys = reply.keys;
  const send = (message: Message) => {
    const sealed = dialect.encrypt(keys, random, encodeMessage(message));
    keys = sealed.keys;
    transport.send(sealed.bytes);
  };
  const exchange = async (message: Message, expected: Op): Promise<Message> => {
    send(message);
    const answer = await take(transport, (bytes) => {
      if (bytes.length % 16 !== 0) return undefined;
      const plain = dialect.decrypt(keys, bytes);
      const found = findMessage(plain, dialect.ivBytes);
      if (found === undefined) return undefined;
      keys = dialect.received(keys, bytes);
      return decodeMessage(plain.subarray(dialect.ivBytes, found.end));
    });
    return expectOp(answer, expected);
  };
  const unopened = async (message: Message, plainBytes: number): Promise<void> => {
    const replyBytes = wireBytes(dialectName, plainBytes);
    send(message);
    const bytes = await take(transport, (bytes) => (bytes.length < replyBytes ? undefined : bytes));
    if (bytes.length !== replyBytes) throw new Error(`a reply of ${bytes.length} bytes instead of ${replyBytes}`);
    keys = dialect.received(keys, bytes);
  };
  const identify: Exchange['identify'] = async ({ token }) => {
    await exchange({ Op: Op.Client, ClientSpecs: token }, Op.ClientOK);
  };
  return Object.assign(exchange, { identify, unopened, close: () => transport.close() });
}

/** Collects bytes until `read` finds a reply in them. Rejects beyond the transport's longest reply. */
async function take<T>(transport: Transport, read: (bytes: Uint8Array) => T | undefined): Promise<T> {
  let bytes = await transport.arrivals.take();
  for (;;) {
    const reply = read(bytes);
    if (reply !== undefined) return reply;
    if (bytes.length > transport.replyBytesMax)
      throw new Error(`the registry sent a reply longer than ${transport.replyBytesMax} bytes`);
    bytes = Buffer.concat([bytes, await transport.arrivals.take()]);
  }
}
