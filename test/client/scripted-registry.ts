// A registry that follows a test's script over real sockets, for behaviour that a real registry never shows. It has its
// own keys and answers a Hello correctly by default, so later faults are the script's.
import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { HandshakeState, type Transport } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import type { SessionKeys } from '../../src/wire/dialect.ts';
import { DIALECTS } from '../../src/wire/dialects.ts';
import { openHello } from '../../src/wire/hello.ts';
import { signToken } from '../../src/wire/member-token.ts';
import { decodeMessage, encodeMessage, type Message, Op, type Token } from '../../src/wire/message.ts';
import { findMessage } from '../../src/wire/message-structure.ts';
import type { RegCred } from '../../src/wire/reg-cred.ts';
import { exportSpki, modulusOf } from '../../src/wire/rsa-key.ts';
import { encryptFrames } from '../../src/wire/sealed-frame.ts';
import { encodeSealCert, SEALED_HELLO_BYTES, SEALED_PROLOGUE, type SealCert } from '../../src/wire/sealed-hello.ts';
import { newKey } from '../support/made-keys.ts';

/** The behaviour of a scripted registry. */
export interface Script {
  /** The writes that answer a message. Undefined closes the connection; an empty list leaves the client waiting. */
  answer?(message: Message, seal: (reply: Message) => Buffer, own: Token): readonly Uint8Array[] | undefined;
  /** The writes that answer a Hello. `bytes` is the correct HelloReply. */
  answerHello?(bytes: Buffer): readonly Uint8Array[] | undefined;
  /** The certificate in the reply to a sealed Hello. `good` is a valid one; `sign` signs for a key and a registry ID. */
  certify?(good: SealCert, sign: (cert: SealCert, id?: Uint8Array, key?: KeyObject) => Buffer): Buffer;
}

const COMMS_KEY = newKey();
const SIG_KEY = newKey();

export class ScriptedRegistry {
  readonly #tcp: Server;
  readonly #ws: WebSocketServer;
  readonly #sockets = new Set<Socket>();
  readonly id = randomBytes(32);

  private constructor(script: Script) {
    this.#tcp = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      const peer = new Peer(script, this.#token(), true, {
        write: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
        close: () => socket.end(),
      });
      socket.on('data', (bytes) => peer.received(bytes));
      socket.on('error', () => {});
    });
    this.#ws = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/xlreg' });
    this.#ws.on('connection', (socket) => {
      const peer = new Peer(script, this.#token(), false, {
        write: (bytes) => new Promise((resolve) => socket.send(bytes, () => resolve())),
        close: () => socket.close(),
      });
      socket.on('message', (frame: Buffer) => peer.received(frame));
      socket.on('error', () => {});
    });
  }

  static async start(script: Script): Promise<ScriptedRegistry> {
    const registry = new ScriptedRegistry(script);
    registry.#tcp.listen(0, '127.0.0.1');
    await Promise.all([once(registry.#tcp, 'listening'), once(registry.#ws, 'listening')]);
    return registry;
  }

  /** Its credentials with its TCP port as end point. */
  get regCred(): RegCred {
    const { port } = this.#tcp.address() as AddressInfo;
    const [commsKey, sigKey] = [createPublicKey(COMMS_KEY), createPublicKey(SIG_KEY)];
    return { name: 'scripted', id: this.id, commsKey, sigKey, endPoints: [`127.0.0.1:${port}`], version: 1 };
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#ws.address() as AddressInfo).port}/xlreg`;
  }

  /** Closes all sockets and listeners. */
  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const socket of this.#ws.clients) socket.terminate();
    this.#tcp.close();
    this.#ws.close();
  }

  #token(): Token {
    const keys = { CommsKey: exportSpki(createPublicKey(COMMS_KEY)), SigKey: exportSpki(createPublicKey(SIG_KEY)) };
    return signToken({ Name: 'scripted', ID: this.id, ...keys }, SIG_KEY);
  }
}

/** The signature key of every scripted registry. */
export const scriptedSigKey: KeyObject = SIG_KEY;

interface Wire {
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

class Peer {
  readonly #script: Script;
  readonly #own: Token;
  readonly #wire: Wire;
  readonly #hasLengths: boolean;
  #keys: SessionKeys | undefined;
  #sealed: Transport | undefined;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(script: Script, own: Token, hasLengths: boolean, wire: Wire) {
    this.#hasLengths = hasLengths;
    this.#script = script;
    this.#own = own;
    this.#wire = wire;
  }

  received(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#sealed) this.#sealedMessage(this.#sealed);
    else if (this.#keys) this.#message(this.#keys);
    else if (this.#bytes.subarray(0, 16).equals(SEALED_PROLOGUE)) this.#sealedHello();
    else this.#hello();
  }

  #sealedHello(): void {
    if (this.#bytes.length < SEALED_HELLO_BYTES) return;
    const s = generateKeyPair();
    const noise = new HandshakeState('NX', 'responder', { prologue: SEALED_PROLOGUE, s });
    noise.readMessage(this.#bytes.subarray(16, SEALED_HELLO_BYTES));
    const now = Math.floor(Date.now() / 1_000);
    const good = { flags: 0, notBefore: now - 3_600, notAfter: now + 169_200, maxMessage: 16_367, maxWaitMs: 0 };
    const sign = (cert: SealCert, id: Uint8Array = this.#own.ID!, key = SIG_KEY) =>
      encodeSealCert(cert, s.publicKey, id, key);
    const message = noise.writeMessage(this.#script.certify ? this.#script.certify(good, sign) : sign(good));
    this.#sealed = noise.split();
    this.#bytes = Buffer.alloc(0);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    const bytes = this.#hasLengths ? Buffer.concat([length, message]) : message;
    this.#send(this.#script.answerHello ? this.#script.answerHello(bytes) : [bytes]);
  }

  #sealedMessage({ receive, send }: Transport): void {
    const head = this.#hasLengths ? 2 : 0;
    if (this.#hasLengths && (this.#bytes.length < 2 || this.#bytes.length < 2 + this.#bytes.readUInt16BE())) return;
    const plain = receive.decrypt(this.#bytes.subarray(head));
    this.#bytes = Buffer.alloc(0);
    const message = decodeMessage(plain.subarray(1))!;
    const seal = (reply: Message) => Buffer.concat(encryptFrames(send, [encodeMessage(reply)], this.#hasLengths));
    this.#send(this.#script.answer ? this.#script.answer(message, seal, this.#own) : answerInOrder(message, seal));
  }

  #hello(): void {
    const modulus = modulusOf(COMMS_KEY);
    if (this.#bytes.length < modulus.length) return;
    const hello = openHello(COMMS_KEY, modulus, this.#bytes);
    if (typeof hello === 'string') return this.#wire.close();
    const reply = DIALECTS[hello.dialect].sealHelloReply(hello, 1, randomBytes);
    this.#keys = reply.keys;
    this.#bytes = Buffer.alloc(0);
    this.#send(this.#script.answerHello ? this.#script.answerHello(reply.bytes) : [reply.bytes]);
  }

  #message(keys: SessionKeys): void {
    const dialect = DIALECTS[keys.dialect];
    const blocks = this.#bytes.subarray(0, this.#bytes.length - (this.#bytes.length % 16));
    const plain = dialect.decrypt(keys, blocks);
    const found = findMessage(plain, dialect.ivBytes);
    if (found === undefined) return;
    this.#keys = dialect.received(keys, blocks);
    this.#bytes = Buffer.alloc(0);
    const message = decodeMessage(plain.subarray(dialect.ivBytes, found.end))!;
    const seal = (reply: Message) => {
      const sealed = dialect.encrypt(this.#keys!, randomBytes, encodeMessage(reply));
      this.#keys = sealed.keys;
      return sealed.bytes;
    };
    this.#send(this.#script.answer ? this.#script.answer(message, seal, this.#own) : answerInOrder(message, seal));
  }

  async #send(pieces: readonly Uint8Array[] | undefined): Promise<void> {
    for (const piece of pieces ?? []) await this.#wire.write(piece);
    if (pieces === undefined) this.#wire.close();
  }
}

/** Answers Client with ClientOK and Bye with Ack. Only a sealed client is told the ID of its token. */
export function answerInOrder(message: Message, seal: (reply: Message) => Buffer): readonly Uint8Array[] {
  if (message.Op === Op.Client) {
    const { ID, Statement } = message.ClientSpecs ?? {};
    return [seal({ Op: Op.ClientOK, ClientID: Statement?.length ? ID! : randomBytes(32) })];
  }
  if (message.Op === Op.Bye) return [seal({ Op: Op.Ack })];
  return [];
}
