// One full session as a client of the field has it, with as little of its own as can be: Hello, Client, Create, Join,
// GetCluster, Bye over one TCP connection. The token was signed before the clock started.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { type DialectName, type Hello, sealHello } from '../../src/wire/hello.ts';
import { decodeMessage, encodeMessage, type Message, Op, type Token } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';

/** What a session does. */
export interface SessionPlan {
  readonly dialect: DialectName;
  readonly token: Token;
  readonly clusterName: string;
  readonly clusterSize: number;
}

/** Runs one session to its end; throws if anything but the expected replies comes. */
export async function runSession(regCred: RegCred, host: string, port: number, plan: SessionPlan): Promise<void> {
  const exchange = await openSession(regCred, host, port, plan.dialect);
  try {
    await exchange({ Op: Op.Client, ClientSpecs: plan.token }, Op.ClientOK);
    const create = { Op: Op.Create, ClusterName: plan.clusterName, ClusterSize: plan.clusterSize, EndPointCount: 1 };
    await exchange(create, Op.CreateReply);
    const joined = await exchange({ Op: Op.Join, ClusterName: plan.clusterName }, Op.JoinReply);
    await exchange({ Op: Op.GetCluster, ClusterID: joined.ClusterID! }, Op.ClusterMembers);
    await exchange({ Op: Op.Bye }, Op.Ack);
  } finally {
    exchange.close();
  }
}

/** Sends a message and resolves to its reply; rejects if that is not of the expected Op. */
export interface Exchange {
  (message: Message, expected: Op): Promise<Message>;
  close(): void;
}

/** Connects and goes through the Hello. */
export async function openSession(
  regCred: RegCred,
  host: string,
  port: number,
  dialect: DialectName,
): Promise<Exchange> {
  const socket = connect({ host, port, noDelay: true });
  try {
    const exchange = await greet(regCred, new Replies(socket), dialect);
    return Object.assign(exchange, { close: () => void socket.destroy() });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function greet(regCred: RegCred, replies: Replies, dialectName: DialectName) {
  const dialect = DIALECTS[dialectName];
  const iv1 = dialectName === 'chained' ? randomBytes(16) : undefined;
  const hello: Hello = { dialect: dialectName, iv1, key1: randomBytes(32), salt1: randomBytes(8), version1: 1 };
  replies.send(sealHello(regCred.commsKey, hello));
  const reply = await replies.take((bytes) =>
    bytes.length < dialect.helloReplyBytes ? undefined : dialect.openHelloReply(hello, bytes),
  );
  let keys: SessionKeys = reply.keys;
  return async (message: Message, expected: Op): Promise<Message> => {
    const sealed = dialect.encrypt(keys, encodeMessage(message), randomBytes);
    keys = sealed.keys;
    replies.send(sealed.bytes);
    const answer = await replies.take((bytes) => {
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
}

/** What comes back on a socket. */
class Replies {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #ended: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('closed by the registry')));
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Waits until what has been received is a reply. */
  async take<T>(read: (bytes: Buffer) => T | undefined): Promise<T> {
    for (;;) {
      const reply = this.#received.length === 0 ? undefined : read(this.#received);
      if (reply !== undefined) {
        this.#received = Buffer.alloc(0);
        return reply;
      }
      if (this.#ended) throw this.#ended;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#wake?.();
  }
}
