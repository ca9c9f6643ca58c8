// A session as a field client runs it, with minimal overhead. Tokens are signed before the clock starts.
import { setMaxListeners } from 'node:events';
import { HelloRefused, RegistryUnreachable } from '../../src/client/errors.ts';
import { openTcp } from '../../src/client/tcp-transport.ts';
import type { Transport } from '../../src/client/transport.ts';
import { openWebSocket } from '../../src/client/websocket-transport.ts';
import { BLOCK_BYTES } from '../../src/limits.ts';
import { pooledRandom } from '../../src/pool/pooled-random.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { type DialectName, type Hello, sealHello } from '../../src/wire/hello.ts';
import { decodeMessage, encodeMessage, type Message, Op, type Token } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import { parseRegCred, type RegCred } from '../../src/wire/reg-cred.ts';
import type { LoadOrder } from './load-order.ts';

/** The registry under load, and how to connect to it. */
export interface Registry {
  readonly regCred: RegCred;
  readonly transport: 'tcp' | 'ws';
  readonly wsUrl: string | undefined;
  readonly dialect: DialectName;
}

/** The registry of an order. */
export function registryOf({ regCredText, transport, wsUrl, dialect }: LoadOrder): Registry {
  return { regCred: parseRegCred(regCredText), transport, wsUrl, dialect };
}

/** The cluster that a full session joins, and the token it joins with. */
export interface Seat {
  readonly token: Token;
  readonly clusterName: string;
  readonly clusterSize: number;
}

/** Runs one full session to its end. Rejects at any unexpected reply. */
export async function runSession(registry: Registry, { token, clusterName, clusterSize }: Seat): Promise<void> {
  const exchange = await openSession(registry);
  try {
    await exchange({ Op: Op.Client, ClientSpecs: token }, Op.ClientOK);
    const create = { Op: Op.Create, ClusterName: clusterName, ClusterSize: clusterSize, EndPointCount: 1 };
    await exchange(create, Op.CreateReply);
    const joined = await exchange({ Op: Op.Join, ClusterName: clusterName }, Op.JoinReply);
    await exchange({ Op: Op.GetCluster, ClusterID: joined.ClusterID! }, Op.ClusterMembers);
    await exchange({ Op: Op.Bye }, Op.Ack);
  } finally {
    exchange.close();
  }
}

/** Sends a message and resolves to its reply. Rejects if the reply has another Op than `expected`. */
export interface Exchange {
  (message: Message, expected: Op): Promise<Message>;
  /**
   * Sends a message and takes a reply of exactly `replyBytes` bytes without decoding it; rejects at any other length.
   * Decoding a roster of 42 KB costs more than encoding it, so a decoding client would measure itself.
   */
  unopened(message: Message, replyBytes: number): Promise<void>;
  close(): void;
}

/** Connects and exchanges Hellos. Rejects with HelloRefused if the server closes the connection at the Hello. */
export async function openSession(registry: Registry): Promise<Exchange> {
  const transport = await openTransport(registry);
  try {
    return await greet(registry, transport);
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** Length of a message on the wire: IV (prefixed dialect only), message, 1 to 16 bytes of padding. */
export function wireBytes(dialect: DialectName, message: Message): number {
  const padded = BLOCK_BYTES * (Math.floor(encodeMessage(message).length / BLOCK_BYTES) + 1);
  return DIALECTS[dialect].ivBytes + padded;
}

/** Never aborted: the load itself bounds its time. */
const { signal } = new AbortController();
setMaxListeners(0, signal);

/** Connects to a WebSocket server. */
export function openFrames(wsUrl: string): Promise<Transport> {
  return openWebSocket(wsUrl, signal);
}

function openTransport({ regCred, transport, wsUrl }: Registry): Promise<Transport> {
  if (transport === 'ws') {
    if (wsUrl === undefined) throw new Error('--transport ws needs the WebSocket URL of the registry: pass --ws-url');
    return openFrames(wsUrl);
  }
  const [, host, port] = /^(?:.* )?\[?(.*?)\]?:(\d+)$/.exec(regCred.endPoints[0]!)!;
  return openTcp(host!, Number(port), signal);
}

/** Pooled, because a call to the system for every IV would take much of the generator's CPU. */
const random = pooledRandom();

async function greet({ regCred, dialect: dialectName }: Registry, transport: Transport): Promise<Exchange> {
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
    if (answer.Op !== expected) throw new Error(`Op ${answer.Op} instead of ${expected}: ${answer.ErrDesc ?? ''}`);
    return answer;
  };
  const unopened = async (message: Message, replyBytes: number): Promise<void> => {
    send(message);
    const bytes = await take(transport, (bytes) => (bytes.length < replyBytes ? undefined : bytes));
    if (bytes.length !== replyBytes) throw new Error(`a reply of ${bytes.length} bytes instead of ${replyBytes}`);
    keys = dialect.received(keys, bytes);
  };
  return Object.assign(exchange, { unopened, close: () => transport.close() });
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
