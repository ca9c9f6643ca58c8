// An independent client of the sealed dialect, over TCP and WebSocket. Tests can use each layer by itself and override
// it: raw bytes, any Hello, any frame, cut anywhere. The client checks strictly what it receives.

import { createHmac, type KeyObject } from 'node:crypto';
import { type ConnectionOptions, FieldConnection, type OpenSocket } from '../field-connection.ts';
import { FieldRequests } from '../field-requests.ts';
import type { MemberKeys } from '../member-keys.ts';
import type { TokenInput } from '../protobuf.ts';
import { decodeMessage, encodeMessage, encodeToken, type FieldMessage, type MessageInput, OP } from '../protobuf.ts';
import { type Ciphers, type CurvePair, Handshake, sha256 } from './noise.ts';
import {
  checkSealCert,
  clientProof,
  memberId,
  pssSign,
  returnProof,
  type SealCert,
  statementBytes,
} from './statement.ts';

/** The first 16 bytes of a Hello, and the handshake's prologue. */
export const PROLOGUE = Buffer.from('xlReg sealed 1\r\n');
const CLIENT_FRAME = { min: 18, max: 16_384 };
const REPLY_BYTES_MAX = 1_048_576;
const FULL_PART = 65_518;

/** The registry, as its regCred file tells. */
export interface SealedRegistry {
  readonly id: Buffer;
  readonly sigKey: KeyObject;
}

/** The address to connect to, and the registry expected there. */
export interface SealedClientOptions extends ConnectionOptions {
  readonly registry: SealedRegistry;
  /** Send each message in pieces of one byte. */
  readonly cutMessages?: boolean;
}

/** The session's keys and the handshake hash, known to both sides after the Reply. */
export interface SealedSession {
  readonly ciphers: Ciphers;
  readonly handshakeHash: Buffer;
  readonly cert: SealCert;
  /** The registry's static key of this handshake. */
  readonly s: Buffer;
}

/** A token to register with: what is absent has a default. */
export interface SealedToken extends TokenInput {
  readonly keys: MemberKeys;
}

/** The first 16 bytes of an HMAC over the ephemeral key, under a key that regCred.dat gives. */
export function mac1(sigKey: KeyObject, e: Uint8Array): Buffer {
  const key = sha256('xlReg sealed mac1', sigKey.export({ format: 'der', type: 'spki' }));
  return createHmac('sha256', key).update(e).digest().subarray(0, 16);
}

/** A registered token's fields with the Statement over them. */
export function stated(registryId: Uint8Array, { keys, ...token }: SealedToken): TokenInput {
  const whole: TokenInput = {
    ...{ commsKey: keys.commsKey, sigKey: keys.sigKey, id: memberId(keys.sigKey), seq: Date.now() },
    ...{ myEnds: ['127.0.0.1:4001'] },
    ...token,
  };
  return { statement: pssSign(keys.sigPrivate, statementBytes(registryId, whole)), ...whole };
}

/** One connection to a registry in the sealed dialect. */
export class SealedClient extends FieldRequests {
  readonly #registry: SealedRegistry;
  readonly #cutMessages: boolean;
  #handshake: Handshake | undefined;
  #session: SealedSession | undefined;

  private constructor(options: SealedClientOptions, open: OpenSocket) {
    super(options, open);
    this.#registry = options.registry;
    this.#cutMessages = options.cutMessages ?? false;
  }

  /** Opens the socket only; for WebSocket, with the upgrade. Rejects with UpgradeRefused. */
  static async open(options: SealedClientOptions): Promise<SealedClient> {
    return await FieldConnection.connect(options, (open) => new SealedClient(options, open));
  }

  /** Opens the socket, sends the Hello and checks the Reply. */
  static async start(options: SealedClientOptions): Promise<SealedClient> {
    const client = await SealedClient.open(options);
    await client.sendRaw(client.buildHello());
    await client.receiveReply();
    return client;
  }

  // ---- the handshake

  /** The bytes of a Hello. `e` is random by default. */
  buildHello(e?: CurvePair): Buffer {
    const side = { pattern: 'NX', initiator: true, prologue: PROLOGUE } as const;
    this.#handshake = new Handshake(e === undefined ? side : { ...side, e });
    const message = this.#handshake.write(mac1(this.#registry.sigKey, this.#handshake.e.public));
    return Buffer.concat([PROLOGUE, message]);
  }

  /** Waits for the Reply to the Hello built last, checks it, and begins the session. */
  async receiveReply(timeoutMs?: number): Promise<SealedSession> {
    const handshake = this.#handshake;
    if (handshake === undefined) throw new Error('buildHello was not called');
    const message = await this.until('the Reply', timeoutMs, () => this.#takeFrame());
    const payload = handshake.read(message);
    const s = handshake.rs!;
    const cert = checkSealCert(payload, s, this.#registry.id, this.#registry.sigKey);
    this.#session = { ciphers: handshake.split(), handshakeHash: handshake.h, cert, s };
    return this.#session;
  }

  /** The session that the Reply began; throws before it. */
  get session(): SealedSession {
    if (this.#session === undefined) throw new Error('no session yet');
    return this.#session;
  }

  // ---- messages

  /** The bytes of the next message. The counter moves on, so messages must be sent in the order of their making. */
  encrypt(message: MessageInput | Uint8Array, flag = 0): Buffer {
    const part = message instanceof Uint8Array ? message : encodeMessage(message);
    return this.frame(this.session.ciphers.send.encrypt(Buffer.concat([Buffer.from([flag]), part])));
  }

  /** A frame around any bytes: with a length on TCP, as they are on WebSocket. */
  frame(body: Uint8Array, length = body.length): Buffer {
    if (this.transport === 'ws') return Buffer.from(body);
    const head = Buffer.alloc(2);
    head.writeUInt16BE(length);
    return Buffer.concat([head, body]);
  }

  /** Sends a message. */
  async send(message: MessageInput | Uint8Array): Promise<void> {
    const bytes = this.encrypt(message);
    await (this.#cutMessages ? this.sendCut(bytes, 'every') : this.sendRaw(bytes));
  }

  /** Waits for the registry's next frame, and returns it as it came: on TCP with its length. */
  async receiveFrame(timeoutMs?: number): Promise<Buffer> {
    return this.frame(await this.until('a frame', timeoutMs, () => this.#takeFrame()));
  }

  /** Waits for the next reply, of one or more frames. Rejects with ClosedEarly if the connection ends first. */
  async receive(timeoutMs?: number): Promise<FieldMessage> {
    return decodeMessage(await this.receivePlain(timeoutMs), true);
  }

  /** Like `receive`; returns the message's bytes. */
  async receivePlain(timeoutMs?: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let total = 0; ; ) {
      const frame = await this.until('a reply', timeoutMs, () => this.#takeFrame());
      const plain = this.session.ciphers.receive.decrypt(frame);
      const flag = plain[0];
      const part = plain.subarray(1);
      if (flag !== 0 && flag !== 1) throw new Error(`a flag of ${flag}`);
      if (flag === 1 && part.length !== FULL_PART) throw new Error(`a part of ${part.length} bytes before the last`);
      total += part.length;
      if (total > REPLY_BYTES_MAX) throw new Error('a reply of more than 1 MiB');
      parts.push(part);
      if (flag === 0) return Buffer.concat(parts);
    }
  }

  /** Sends a message and returns the reply, of any Op. */
  async request(message: MessageInput | Uint8Array): Promise<FieldMessage> {
    await this.send(message);
    return await this.receive();
  }

  /** A Client message: the token as it is, and DigSig over this handshake. */
  clientMessage(token: TokenInput, sigPrivate: KeyObject): MessageInput {
    const proof = clientProof(this.session.handshakeHash, statementBytes(this.#registry.id, token));
    return { op: OP.Client, clientSpecs: encodeToken(token), digSig: pssSign(sigPrivate, proof) };
  }

  /** Registers a token. */
  async identify(token: SealedToken): Promise<FieldMessage> {
    const message = this.clientMessage(stated(this.#registry.id, token), token.keys.sigPrivate);
    return await this.call(message, OP.ClientOK);
  }

  /** Returns by ID. */
  async identifyById(clientId: Uint8Array, keys: MemberKeys): Promise<FieldMessage> {
    const digSig = pssSign(keys.sigPrivate, returnProof(this.session.handshakeHash, clientId));
    return await this.call({ op: OP.Client, clientId, digSig }, OP.ClientOK);
  }

  // ---- inside

  /** The oldest whole frame, without its length. */
  #takeFrame(): Buffer | undefined {
    if (this.transport === 'ws') return this.inbox.shift();
    const all = Buffer.concat(this.inbox);
    if (all.length < 2) return undefined;
    const end = 2 + all.readUInt16BE();
    if (end < 2 + CLIENT_FRAME.min) throw new Error(`a frame of ${end - 2} bytes`);
    if (all.length < end) return undefined;
    const rest = all.subarray(end);
    this.inbox.splice(0, this.inbox.length, ...(rest.length > 0 ? [rest] : []));
    return all.subarray(2, end);
  }
}
