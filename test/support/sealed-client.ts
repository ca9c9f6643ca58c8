// A minimal client of the sealed dialect on src/noise, over TCP or WebSocket. It sends what a test asks for, wrong bytes
// too: every step takes an override.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import WebSocket from 'ws';
import type { CipherState } from '../../src/noise/cipher-state.ts';
import { HandshakeState } from '../../src/noise/handshake-state.ts';
import { generateKeyPair } from '../../src/noise/key-pair.ts';
import { decodeMessage, encodeMessage, type Message, Op, type Token } from '../../src/wire/message.ts';
import { signPss } from '../../src/wire/pss.ts';
import { encryptRequest, FrameAssembly } from '../../src/wire/sealed-frame.ts';
import { mac1, mac1Key, readSealCert, SEALED_PROLOGUE, type SealCert } from '../../src/wire/sealed-hello.ts';
import {
  certifiedId,
  clientProof,
  returnProof,
  signStatement,
  statementBytes,
  statementDigest,
} from '../../src/wire/statement.ts';
import { type MemberKeys, makeMemberKeys } from '../field/member-keys.ts';
import type { RegistryFile } from '../field/registry-file.ts';

/** A connection as a queue of chunks or frames. */
class Wire {
  readonly transport: 'tcp' | 'ws';
  readonly #socket: Socket | WebSocket;
  #chunks: Buffer[] = [];
  #ended = false;
  #wake: () => void = () => {};

  private constructor(transport: 'tcp' | 'ws', socket: Socket | WebSocket) {
    this.transport = transport;
    this.#socket = socket;
    const arrive = (bytes: Buffer) => {
      this.#chunks.push(bytes);
      this.#wake();
    };
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    if (socket instanceof WebSocket) socket.on('message', (bytes: Buffer) => arrive(bytes));
    else socket.on('data', arrive);
    socket.on('end', end).on('close', end).on('error', end);
  }

  static async open(transport: 'tcp' | 'ws', port: number): Promise<Wire> {
    if (transport === 'tcp') {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      return new Wire('tcp', socket);
    }
    const socket = new WebSocket(`ws://127.0.0.1:${port}/xlreg`, { perMessageDeflate: false });
    const wire = new Wire('ws', socket);
    await once(socket, 'open');
    return wire;
  }

  send(bytes: Uint8Array): void {
    if (this.#socket instanceof WebSocket) this.#socket.send(bytes);
    else this.#socket.write(bytes);
  }

  /** The next frame without its length; undefined once the registry has closed. */
  async frame(): Promise<Buffer | undefined> {
    if (this.transport === 'ws') {
      while (this.#chunks.length === 0 && !this.#ended) await this.#arrival();
      return this.#chunks.shift();
    }
    for (;;) {
      const bytes = Buffer.concat(this.#chunks);
      this.#chunks = [bytes];
      const end = bytes.length < 2 ? Infinity : 2 + bytes.readUInt16BE(0);
      if (bytes.length >= end) {
        this.#chunks = [bytes.subarray(end)];
        return bytes.subarray(2, end);
      }
      if (this.#ended) return undefined;
      await this.#arrival();
    }
  }

  /** Resolves to the bytes that came before the registry closed. */
  async closed(): Promise<Buffer> {
    while (!this.#ended) await this.#arrival();
    return Buffer.concat(this.#chunks);
  }

  /** Sends FIN (TCP), and still reads. */
  halfClose(): void {
    if (this.#socket instanceof WebSocket) throw new Error('a WebSocket has no half-closed state');
    this.#socket.end();
  }

  close(): void {
    if (this.#socket instanceof WebSocket) this.#socket.terminate();
    else this.#socket.destroy();
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The fields of a member's token; keys and ID have defaults. */
export interface SealedMember {
  readonly name: string;
  readonly keys?: MemberKeys;
  readonly seq?: number;
  readonly token?: Partial<Token>;
}

/** A member's signed token for one registry. */
export function statedToken(
  registryId: Uint8Array,
  { name, keys = makeMemberKeys(), seq, token }: SealedMember,
): Token {
  const fields: Token = {
    ...{ Name: name, ID: certifiedId(keys.sigKey), CommsKey: keys.commsKey, SigKey: keys.sigKey },
    ...{ MyEnds: ['127.0.0.1:4001'], SealKey: generateKeyPair().publicKey },
    ...token,
  };
  return signStatement(registryId, fields, seq ?? Date.now(), keys.sigPrivate);
}

export class SealedClient {
  readonly wire: Wire;
  readonly #file: RegistryFile;
  #send: CipherState | undefined;
  #receive: CipherState | undefined;
  readonly #assembly = new FrameAssembly();
  /** Handshake hash. */
  h: Uint8Array = new Uint8Array(0);
  cert: SealCert | undefined;
  /** The registry's static key in this session. */
  s: Uint8Array | undefined;

  private constructor(wire: Wire, file: RegistryFile) {
    this.wire = wire;
    this.#file = file;
  }

  static async open(transport: 'tcp' | 'ws', port: number, file: RegistryFile): Promise<SealedClient> {
    return new SealedClient(await Wire.open(transport, port), file);
  }

  /** Opens a connection and completes the handshake. */
  static async connect(transport: 'tcp' | 'ws', port: number, file: RegistryFile): Promise<SealedClient> {
    const client = await SealedClient.open(transport, port, file);
    await client.hello();
    return client;
  }

  /** Bytes of a Hello, and the handshake behind it. */
  makeHello(): { readonly bytes: Buffer; readonly handshake: HandshakeState } {
    const e = generateKeyPair();
    const handshake = new HandshakeState('NX', 'initiator', { prologue: SEALED_PROLOGUE, e });
    const message = handshake.writeMessage(mac1(mac1Key(this.#file.sigKey), e.publicKey));
    return { bytes: Buffer.concat([SEALED_PROLOGUE, message]), handshake };
  }

  async hello(send = (bytes: Buffer): void => this.wire.send(bytes)): Promise<void> {
    const { bytes, handshake } = this.makeHello();
    send(bytes);
    const reply = await this.wire.frame();
    if (reply === undefined) throw new Error('the registry closed without a Reply');
    const certBytes = handshake.readMessage(reply);
    this.s = Buffer.from(handshake.rs!);
    const { cert, fault } = readSealCert(certBytes, this.s, this.#file, Date.now() / 1000);
    if (fault !== undefined) throw new Error(`the certificate has a fault: ${fault}`);
    this.cert = cert;
    const { send: sending, receive, h } = handshake.split();
    [this.#send, this.#receive, this.h] = [sending, receive, h];
  }

  encrypt(message: Message | Uint8Array): Buffer {
    const plain = message instanceof Uint8Array ? message : encodeMessage(message);
    return encryptRequest(this.#send!, plain, this.wire.transport === 'tcp');
  }

  send(message: Message | Uint8Array): void {
    this.wire.send(this.encrypt(message));
  }

  /** The next message; undefined once the registry has closed. */
  async receive(): Promise<Message | undefined> {
    for (;;) {
      const frame = await this.wire.frame();
      if (frame === undefined) return undefined;
      const message = this.#assembly.add(this.#receive!.decrypt(frame));
      if (message === 'bad') throw new Error('a frame that no registry sends');
      if (message !== 'more') return decodeMessage(message)!;
    }
  }

  /** Sends a message and returns the reply. */
  async ask(message: Message): Promise<Message> {
    this.send(message);
    const reply = await this.receive();
    if (reply === undefined) throw new Error('the registry closed without a reply');
    return reply;
  }

  /** Registers a token with its proof. */
  register(token: Token, keys: MemberKeys = makeMemberKeys()): Promise<Message> {
    const digest = statementDigest(statementBytes(this.#file.id, token));
    const DigSig = signPss(keys.sigPrivate, clientProof(this.h, digest));
    return this.ask({ Op: Op.Client, ClientSpecs: token, DigSig });
  }

  /** Makes a member's token and registers it. */
  async registerMember(member: SealedMember): Promise<{ readonly token: Token; readonly reply: Message }> {
    const token = statedToken(this.#file.id, member);
    return { token, reply: await this.register(token, member.keys) };
  }

  returnById(id: Uint8Array, keys: MemberKeys = makeMemberKeys()): Promise<Message> {
    return this.ask({ Op: Op.Client, ClientID: id, DigSig: signPss(keys.sigPrivate, returnProof(this.h, id)) });
  }

  create(ClusterName: string, ClusterSize: number): Promise<Message> {
    return this.ask({ Op: Op.Create, ClusterName, ClusterSize });
  }

  join(ClusterName: string): Promise<Message> {
    return this.ask({ Op: Op.Join, ClusterName });
  }

  roster(ClusterName: string): Promise<Message> {
    return this.ask({ Op: Op.GetCluster, ClusterName });
  }

  bye(): Promise<Message> {
    return this.ask({ Op: Op.Bye });
  }

  close(): void {
    this.wire.close();
  }
}
