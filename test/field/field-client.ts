// An independent client of the field, written from docs/reference/protocol.md alone: both dialects, over TCP and
// WebSocket. Tests can use each layer by itself and override it: a bare socket, raw bytes, any Hello, a message under
// any IV, key and padding, cut anywhere. The client checks strictly what it receives.

import { constants, createCipheriv, createDecipheriv, type KeyObject, publicEncrypt, randomBytes } from 'node:crypto';
import { type ConnectionOptions, FieldConnection, type OpenSocket } from './field-connection.ts';
import { FieldRequests } from './field-requests.ts';
import { clientIdSignature, type MemberKeys } from './member-keys.ts';
import { decodeMessage, encodeMessage, type FieldMessage, type MessageInput, OP } from './protobuf.ts';

/** How bytes become messages on a connection. */
export type Dialect = 'chained' | 'prefixed';

/**
 * How replies are told apart on TCP. `one-read` takes each read for one message of at most 16,384 bytes, as clients of
 * the field do. It relies on node delivering one loopback write of that size in one 'data' event. `gather` waits for
 * the first 16-byte boundary that ends a whole message. Use it when requests are sent without waiting, since their
 * replies may share a read.
 */
export type Receive = 'one-read' | 'gather';

/** The read buffer of clients of the field: the maximal length of a reply on TCP. */
export const FIELD_BUFFER_BYTES = 16_384;

/** The address to connect to, and how to behave. */
export interface FieldClientOptions extends ConnectionOptions {
  readonly dialect: Dialect;
  /** The registry's ck, from its regCred.dat. Needed for the Hello. */
  readonly registryKey?: KeyObject;
  readonly receive?: Receive;
}

/** The parts of a Hello. Each can be replaced, up to the whole ciphertext. */
export interface HelloOptions {
  /** 16 bytes; in the `chained` plaintext only. */
  readonly iv1?: Uint8Array;
  /** 32 bytes. */
  readonly key1?: Uint8Array;
  /** 8 bytes. */
  readonly salt1?: Uint8Array;
  /** 4 bytes. */
  readonly version1?: Uint8Array;
  /** The plaintext, in place of the fields above. */
  readonly plaintext?: Uint8Array;
  /** The key to encrypt to, in place of the registry's. */
  readonly registryKey?: KeyObject;
  /** An RSA padding of `crypto.constants`, in place of OAEP. */
  readonly padding?: number;
  /** The hash of OAEP and MGF1; `sha1` by default. */
  readonly oaepHash?: string;
  readonly oaepLabel?: Uint8Array;
  /** The bytes to send, in place of any encryption. */
  readonly ciphertext?: Uint8Array;
}

/** How to encrypt a message wrongly. */
export interface EncryptOptions {
  /** In place of a random IV (`prefixed`, which also sends it) or the end of the chain (`chained`). */
  readonly iv?: Uint8Array;
  /** In place of key2. */
  readonly key?: Uint8Array;
  /** In place of PKCS7 padding; the plaintext and this padding must be whole blocks. */
  readonly padding?: Uint8Array;
  /** Follow this dialect's IV rule in place of the session's. */
  readonly ivRule?: Dialect;
  /** Keep the outgoing chain unchanged, for a message that will not be sent. */
  readonly keepChain?: boolean;
}

/** The session's keys and salts, known to both sides after the HelloReply. */
export interface FieldSession {
  readonly key1: Buffer;
  readonly iv1: Buffer;
  readonly salt1: Buffer;
  readonly key2: Buffer;
  /** `chained` only; the HelloReply's own IV in `prefixed` is the first 16 bytes of `replyWire`. */
  readonly iv2: Buffer | undefined;
  readonly salt2: Buffer;
  readonly version2: Buffer;
  /** The HelloReply as received. */
  readonly replyWire: Buffer;
}

/** A reply: its bytes as received and decrypted. */
export interface Received {
  readonly wire: Buffer;
  readonly plaintext: Buffer;
  readonly message: FieldMessage;
}

/** Encrypts a Hello's plaintext; by default with RSA-OAEP, SHA-1 and no label (H1). */
export function encryptHello(plaintext: Uint8Array, registryKey: KeyObject, options: HelloOptions = {}): Buffer {
  return publicEncrypt(
    {
      key: registryKey,
      padding: options.padding ?? constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: options.oaepHash ?? 'sha1',
      ...(options.oaepLabel === undefined ? {} : { oaepLabel: options.oaepLabel }),
    },
    plaintext,
  );
}

/** AES-256-CBC, with PKCS7 padding by default. */
export function aesEncrypt(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array, padding?: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-cbc', key, iv).setAutoPadding(padding === undefined);
  return Buffer.concat([cipher.update(plaintext), cipher.update(padding ?? Buffer.alloc(0)), cipher.final()]);
}

/** Decrypts AES-256-CBC; throws unless the padding is PKCS7. */
export function aesDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-cbc', key, iv).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  const length = padded.at(-1);
  if (length === undefined || length < 1 || length > 16) throw new Error('the last byte is no padding length');
  const end = padded.length - length;
  if (padded.subarray(end).some((byte) => byte !== length)) throw new Error('the padding is not PKCS7');
  return padded.subarray(0, end);
}

/** Cuts bytes into fields of these lengths; throws unless the lengths add up. */
function split<const L extends readonly number[]>(bytes: Buffer, lengths: L): { [K in keyof L]: Buffer } {
  let at = 0;
  const fields = lengths.map((length) => {
    at += length;
    return bytes.subarray(at - length, at);
  });
  if (at !== bytes.length) throw new Error(`${bytes.length} bytes of plaintext in place of ${at}`);
  return fields as { [K in keyof L]: Buffer };
}

/** One connection to a registry, in one of the RSA dialects. */
export class FieldClient extends FieldRequests {
  readonly dialect: Dialect;
  readonly receiveMode: Receive;
  /** All replies so far, oldest first, without the HelloReply. */
  readonly received: Received[] = [];
  readonly #registryKey: KeyObject | undefined;
  readonly #ivsSeen = new Set<string>();
  #hello: { key1: Buffer; iv1: Buffer; salt1: Buffer } | undefined;
  #session: FieldSession | undefined;
  #chainOut: Buffer = Buffer.alloc(16);
  #chainIn: Buffer = Buffer.alloc(16);

  private constructor(options: FieldClientOptions, open: OpenSocket) {
    super(options, open);
    this.dialect = options.dialect;
    this.receiveMode = options.receive ?? 'one-read';
    this.#registryKey = options.registryKey;
  }

  /** Opens the socket only; for WebSocket, with the upgrade. Rejects with UpgradeRefused. */
  static async open(options: FieldClientOptions): Promise<FieldClient> {
    return await FieldConnection.connect(options, (open) => new FieldClient(options, open));
  }

  /** Opens the socket, sends the Hello and reads the HelloReply. */
  static async start(options: FieldClientOptions): Promise<FieldClient> {
    const client = await FieldClient.open(options);
    await client.hello();
    return client;
  }

  // ---- the Hello

  /** The bytes of a Hello. Stores its key1, iv1 and salt1 for the reply. */
  buildHello(options: HelloOptions = {}): Buffer {
    const iv1 = Buffer.from(options.iv1 ?? randomBytes(16));
    const key1 = Buffer.from(options.key1 ?? randomBytes(32));
    const salt1 = Buffer.from(options.salt1 ?? randomBytes(8));
    const version1 = options.version1 ?? Buffer.from([1, 0, 0, 0]);
    this.#hello = { iv1, key1, salt1 };
    if (options.ciphertext !== undefined) return Buffer.from(options.ciphertext);
    const fields = [key1, salt1, version1];
    const packed = Buffer.concat(this.dialect === 'chained' ? [iv1, ...fields] : fields);
    const registryKey = options.registryKey ?? this.#registryKey;
    if (registryKey === undefined) throw new Error('a Hello needs registryKey');
    return encryptHello(options.plaintext ?? packed, registryKey, options);
  }

  /** Waits for the reply to the last Hello built, checks it, and starts the session. */
  async receiveHelloReply(timeoutMs?: number): Promise<FieldSession> {
    const hello = this.#hello;
    if (hello === undefined) throw new Error('buildHello was not called');
    const length = this.dialect === 'chained' ? 80 : 64;
    const wire = await this.until('the HelloReply', timeoutMs, () => this.#takeExactly(length));
    if (wire.length !== length) throw new Error(`a HelloReply of ${wire.length} bytes in place of ${length}`);
    const { key1, iv1, salt1 } = hello;
    if (this.dialect === 'prefixed') {
      const plain = aesDecrypt(key1, this.#freshIv(wire), wire.subarray(16));
      const [key2, salt2, version2] = split(plain, [32, 8, 4]);
      return this.#begin({ ...hello, iv2: undefined, key2, salt2, version2, replyWire: wire });
    }
    const [iv2, key2, salt2, echo, version2] = split(aesDecrypt(key1, iv1, wire), [16, 32, 8, 8, 4]);
    if (!echo.equals(salt1)) throw new Error('the HelloReply does not echo salt1');
    this.#chainOut = iv2;
    this.#chainIn = iv2;
    return this.#begin({ ...hello, iv2, key2, salt2, version2, replyWire: wire });
  }

  #begin(session: FieldSession): FieldSession {
    this.#session = session;
    return session;
  }

  /** Sends a Hello and waits for the reply. */
  async hello(options: HelloOptions = {}): Promise<FieldSession> {
    await this.sendRaw(this.buildHello(options));
    return await this.receiveHelloReply();
  }

  /** The session that the HelloReply started; throws before it. */
  get session(): FieldSession {
    if (this.#session === undefined) throw new Error('no session yet');
    return this.#session;
  }

  // ---- messages

  /**
   * The bytes of the next message or plaintext; sends nothing. In `chained` the chain moves on unless `keepChain` is
   * set, so messages must be sent in the order of their encryption.
   */
  encrypt(message: MessageInput | Uint8Array, options: EncryptOptions = {}): Buffer {
    const plaintext = message instanceof Uint8Array ? message : encodeMessage(message);
    const key2 = options.key ?? this.session.key2;
    if ((options.ivRule ?? this.dialect) === 'prefixed') {
      const iv = options.iv ?? randomBytes(16);
      const wire = Buffer.concat([iv, aesEncrypt(key2, iv, plaintext, options.padding)]);
      if (this.dialect === 'prefixed') this.#ivsSeen.add(Buffer.from(iv).toString('hex'));
      return wire;
    }
    const wire = aesEncrypt(key2, options.iv ?? this.#chainOut, plaintext, options.padding);
    if (options.keepChain !== true && wire.length >= 16) this.#chainOut = wire.subarray(-16);
    return wire;
  }

  /** Encrypts and sends a message, cut as in sendCut. Returns the bytes sent. */
  async send(
    message: MessageInput | Uint8Array,
    options: EncryptOptions & { readonly cuts?: readonly number[] | 'every' } = {},
  ): Promise<Buffer> {
    const wire = this.encrypt(message, options);
    if (options.cuts === undefined) await this.sendRaw(wire);
    else await this.sendCut(wire, options.cuts);
    return wire;
  }

  /** Waits for the next reply. Rejects with ClosedEarly if the connection ends first. */
  async receive(timeoutMs?: number): Promise<FieldMessage> {
    const reply = await this.until('a reply', timeoutMs, () => this.#takeMessage());
    if (this.transport === 'tcp' && reply.wire.length > FIELD_BUFFER_BYTES) {
      throw new Error(`a reply of ${reply.wire.length} bytes, more than old clients can read`);
    }
    this.#chainIn = reply.wire.subarray(-16);
    if (this.dialect === 'prefixed') this.#freshIv(reply.wire);
    this.received.push(reply);
    return reply.message;
  }

  /** Sends a message and returns the reply, of any Op. */
  async request(message: MessageInput | Uint8Array, options: EncryptOptions = {}): Promise<FieldMessage> {
    await this.send(message, options);
    return await this.receive();
  }

  // ---- what a client of the field does

  /** Sends a Client message with an encoded token. */
  async identify(token: Uint8Array): Promise<FieldMessage> {
    return await this.call({ op: OP.Client, clientSpecs: token }, OP.ClientOK);
  }

  /** Sends a Client message by ID, signed for this session. */
  async identifyById(clientId: Uint8Array, keys: MemberKeys): Promise<FieldMessage> {
    const digSig = clientIdSignature(clientId, this.session.salt2, keys.sigPrivate);
    return await this.call({ op: OP.Client, clientId, digSig }, OP.ClientOK);
  }

  // ---- inside

  /** The IV of a prefixed message; throws if the session has seen it before. */
  #freshIv(wire: Buffer): Buffer {
    const iv = wire.subarray(0, 16);
    const name = iv.toString('hex');
    if (this.#ivsSeen.has(name)) throw new Error('the registry repeats an IV');
    this.#ivsSeen.add(name);
    return iv;
  }

  /** The oldest read or frame as it is; when gathering, `length` bytes once they have arrived. */
  #takeExactly(length: number): Buffer | undefined {
    if (this.transport === 'ws' || this.receiveMode === 'one-read') return this.inbox.shift();
    const all = Buffer.concat(this.inbox);
    return all.length < length ? undefined : this.#takeFrom(all, length);
  }

  #takeFrom(all: Buffer, length: number): Buffer {
    const rest = all.subarray(length);
    this.inbox.splice(0, this.inbox.length, ...(rest.length > 0 ? [rest] : []));
    return all.subarray(0, length);
  }

  #takeMessage(): Received | undefined {
    if (this.transport === 'ws' || this.receiveMode === 'one-read') {
      const wire = this.inbox.shift();
      return wire === undefined ? undefined : this.#open(wire);
    }
    const all = Buffer.concat(this.inbox);
    const shortest = this.dialect === 'prefixed' ? 32 : 16;
    for (let end = shortest; end <= all.length; end += 16) {
      if (end > FIELD_BUFFER_BYTES) throw new Error(`no whole reply within ${FIELD_BUFFER_BYTES} bytes`);
      if (!this.#endsInPadding(all, end)) continue;
      try {
        const reply = this.#open(all.subarray(0, end));
        this.#takeFrom(all, end);
        return reply;
      } catch {
        // Not the end of the message; a later boundary may be.
      }
    }
    return undefined;
  }

  /** Tells whether the last block before `end` decrypts to valid padding: a cheap filter for each block. */
  #endsInPadding(all: Buffer, end: number): boolean {
    const previous = end === 16 ? this.#chainIn : all.subarray(end - 32, end - 16);
    try {
      aesDecrypt(this.session.key2, previous, all.subarray(end - 16, end));
      return true;
    } catch {
      return false;
    }
  }

  #open(wire: Buffer): Received {
    const { key2 } = this.session;
    const plaintext =
      this.dialect === 'chained'
        ? aesDecrypt(key2, this.#chainIn, wire)
        : aesDecrypt(key2, wire.subarray(0, 16), wire.subarray(16));
    return { wire, plaintext, message: decodeMessage(plaintext) };
  }
}
