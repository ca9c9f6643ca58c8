// An independent client of the field, written from docs/reference/protocol.md alone: both dialects, over TCP and
// WebSocket. Tests can use each layer by itself and override it: a bare socket, raw bytes, any Hello, a message under
// any IV, key and padding, cut anywhere. The client checks strictly what it receives.

import { constants, createCipheriv, createDecipheriv, type KeyObject, publicEncrypt, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ClientOptions, WebSocket } from 'ws';
import { clientIdSignature, type MemberKeys } from './member-keys.ts';
import { decodeMessage, encodeMessage, type FieldMessage, type MessageInput, OP } from './protobuf.ts';

/** How bytes become messages on a connection. */
export type Dialect = 'chained' | 'prefixed';

/** The protocol that carries the bytes. */
export type Transport = 'tcp' | 'ws';

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
export interface FieldClientOptions {
  readonly dialect: Dialect;
  readonly transport: Transport;
  readonly port: number;
  /** The registry's ck, from its regCred.dat. Needed for the Hello. */
  readonly registryKey?: KeyObject;
  readonly host?: string;
  /** The address to connect from (all of 127.0.0.0/8 is the loopback). */
  readonly localAddress?: string;
  readonly receive?: Receive;
  /** Bound of each wait in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  /** TCP: keep our side open after the registry's FIN, to test how it ends an idle peer. */
  readonly keepOpenAfterFin?: boolean;
  /** WebSocket: the path; `/xlreg` by default. */
  readonly path?: string;
  /** WebSocket: with TLS or without; `ws` by default. */
  readonly scheme?: 'ws' | 'wss';
  /** WebSocket: options for the `ws` package (headers, origin, …). */
  readonly ws?: ClientOptions;
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

/** How a connection ended, and the bytes after the last reply that was read. */
export interface Closed {
  readonly kind: 'fin' | 'rst' | 'ws-close';
  /** The WebSocket close code; 1006 if the socket ended without a close frame. */
  readonly wsCode?: number;
  readonly bytes: Buffer;
}

/** The connection ended before the awaited reply. */
export class ClosedEarly extends Error {
  override readonly name = 'ClosedEarly';
  readonly closed: Closed;

  constructor(what: string, closed: Closed) {
    const code = closed.wsCode === undefined ? '' : ` ${closed.wsCode}`;
    super(`closed (${closed.kind}${code}, ${closed.bytes.length} bytes unread) while waiting for ${what}`);
    this.closed = closed;
  }
}

/** A reply of another Op than the one asked for. */
export class OtherReply extends Error {
  override readonly name = 'OtherReply';
  readonly reply: FieldMessage;

  constructor(expected: number, reply: FieldMessage) {
    super(`Op ${reply.op} (${reply.errDesc ?? 'no ErrDesc'}) in place of ${expected}`);
    this.reply = reply;
  }
}

/** The registry answered a WebSocket upgrade with another HTTP status. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly statusCode: number;

  constructor(statusCode: number) {
    super(`upgrade refused with status ${statusCode}`);
    this.statusCode = statusCode;
  }
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

/** One connection to a registry. */
export class FieldClient {
  readonly dialect: Dialect;
  readonly transport: Transport;
  /** The socket underneath, on either transport. */
  readonly socket: Socket;
  /** The WebSocket, where there is one. */
  readonly ws: WebSocket | undefined;
  readonly receiveMode: Receive;
  /** All replies so far, oldest first, without the HelloReply. */
  readonly received: Received[] = [];
  readonly #registryKey: KeyObject | undefined;
  readonly #timeoutMs: number;
  readonly #keepOpenAfterFin: boolean;
  /** Received and not yet read: reads on TCP, whole messages on WebSocket. */
  readonly #inbox: Buffer[] = [];
  readonly #ivsSeen = new Set<string>();
  readonly #wakers = new Set<() => void>();
  #end: { kind: Closed['kind']; wsCode?: number } | undefined;
  #failure: Error | undefined;
  #hello: { key1: Buffer; iv1: Buffer; salt1: Buffer } | undefined;
  #session: FieldSession | undefined;
  #chainOut: Buffer = Buffer.alloc(16);
  #chainIn: Buffer = Buffer.alloc(16);

  private constructor(options: FieldClientOptions, socket: Socket, ws: WebSocket | undefined) {
    this.dialect = options.dialect;
    this.transport = options.transport;
    this.socket = socket;
    this.ws = ws;
    this.receiveMode = options.receive ?? 'one-read';
    this.#registryKey = options.registryKey;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#keepOpenAfterFin = options.keepOpenAfterFin ?? false;
    if (ws === undefined) this.#listenToSocket();
    else this.#listenToWebSocket(ws);
  }

  /** Opens the socket only; for WebSocket, with the upgrade. Rejects with UpgradeRefused. */
  static async open(options: FieldClientOptions): Promise<FieldClient> {
    const { port, host = '127.0.0.1', localAddress, timeoutMs = 10_000 } = options;
    const signal = AbortSignal.timeout(timeoutMs);
    const from = localAddress === undefined ? {} : { localAddress };
    if (options.transport === 'tcp') {
      const socket = createConnection({ port, host, noDelay: true, allowHalfOpen: true, ...from });
      await once(socket, 'connect', { signal }).catch((error: unknown) => {
        socket.destroy();
        throw error;
      });
      return new FieldClient(options, socket, undefined);
    }
    const ws = new WebSocket(`${options.scheme ?? 'ws'}://${host}:${port}${options.path ?? '/xlreg'}`, {
      perMessageDeflate: false,
      ...from,
      ...options.ws,
    });
    // 'upgrade' comes before 'open'. The client is made there, so that it listens before the first byte.
    return await new Promise<FieldClient>((resolve, reject) => {
      let client: FieldClient | undefined;
      ws.once('upgrade', ({ socket }) => {
        socket.setNoDelay(true);
        client = new FieldClient(options, socket, ws);
      });
      ws.once('open', () => resolve(client!));
      ws.once('unexpected-response', (request, response) => {
        reject(new UpgradeRefused(response.statusCode ?? 0));
        request.destroy();
      });
      ws.on('error', reject);
      signal.addEventListener('abort', () => {
        if (client === undefined) ws.terminate();
        reject(signal.reason);
      });
    });
  }

  /** Opens the socket, sends the Hello and reads the HelloReply. */
  static async start(options: FieldClientOptions): Promise<FieldClient> {
    const client = await FieldClient.open(options);
    await client.hello();
    return client;
  }

  // ---- bytes

  /**
   * Sends bytes as one write on TCP or one binary frame on WebSocket. Resolves when the system has them or the
   * connection has ended; the next receive or waitClosed reports the end.
   */
  sendRaw(bytes: Uint8Array): Promise<void> {
    const { ws } = this;
    if (ws === undefined) return this.sendUnder(bytes);
    return new Promise((resolve) => ws.send(bytes, { binary: true }, () => resolve()));
  }

  /** Writes bytes to the socket itself; on WebSocket, the test's own frames. */
  sendUnder(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /**
   * Sends bytes in pieces, cut at these offsets or after every byte. Each piece gets its own segment, as far as the
   * system allows: it waits until the previous one is written and the event loop has turned. On WebSocket the pieces
   * are fragments of one message.
   */
  async sendCut(bytes: Uint8Array, cuts: readonly number[] | 'every'): Promise<void> {
    const offsets = cuts === 'every' ? Array.from(bytes.keys()).slice(1) : [...new Set(cuts)];
    const inside = offsets.filter((at) => at > 0 && at < bytes.length).sort((a, b) => a - b);
    const bounds = [0, ...inside, bytes.length];
    for (let i = 1; i < bounds.length && this.#end === undefined; i++) {
      const piece = bytes.subarray(bounds[i - 1]!, bounds[i]!);
      if (this.ws === undefined) await this.sendRaw(piece);
      else await this.#sendFragment(this.ws, piece, i === bounds.length - 1);
      await nextTurn();
    }
  }

  #sendFragment(ws: WebSocket, piece: Uint8Array, fin: boolean): Promise<void> {
    return new Promise((resolve) => ws.send(piece, { binary: true, fin }, () => resolve()));
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
    const wire = await this.#until('the HelloReply', timeoutMs, () => this.#takeExactly(length));
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
    const reply = await this.#until('a reply', timeoutMs, () => this.#takeMessage());
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

  /** Sends a message and returns the reply; rejects with OtherReply if its Op differs. */
  async call(message: MessageInput, op: number): Promise<FieldMessage> {
    const reply = await this.request(message);
    if (reply.op !== op) throw new OtherReply(op, reply);
    return reply;
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

  async create(clusterName: string, clusterSize?: number, endPointCount?: number): Promise<FieldMessage> {
    return await this.call({ op: OP.Create, clusterName, clusterSize, endPointCount }, OP.CreateReply);
  }

  /** Sends a Join by name, by ID, or by neither. */
  async join(cluster?: string | Uint8Array): Promise<FieldMessage> {
    const named = typeof cluster === 'string' ? { clusterName: cluster } : { clusterId: cluster };
    return await this.call({ op: OP.Join, ...named }, OP.JoinReply);
  }

  async getCluster(clusterId?: Uint8Array, which?: bigint): Promise<FieldMessage> {
    return await this.call({ op: OP.GetCluster, clusterId, which }, OP.ClusterMembers);
  }

  /** Sends a Bye, and waits for the Ack and the registry's close. */
  async bye(): Promise<Closed> {
    await this.call({ op: OP.Bye }, OP.Ack);
    return await this.waitClosed();
  }

  // ---- ends

  /** Waits for the end of the registry's side. `bytes` are those after the last reply read; a silent close has none. */
  async waitClosed(timeoutMs?: number): Promise<Closed> {
    return await this.#until('the close', timeoutMs, () => this.#closed(), true);
  }

  /** Ends our side only and goes on reading: a FIN, on WebSocket without a close frame. */
  halfClose(): void {
    this.socket.end();
  }

  /** Ends the connection with an RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Stops reading until `resume`, so that the registry's writes fill the window. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Destroys the socket; may be called at any time, repeatedly. */
  close(): void {
    this.ws?.terminate();
    this.socket.destroy();
  }

  // ---- inside

  #listenToSocket(): void {
    this.socket.on('data', (bytes: Buffer) => {
      this.#inbox.push(bytes);
      this.#wake();
    });
    this.socket.on('end', () => {
      this.#ended({ kind: 'fin' });
      if (!this.#keepOpenAfterFin) this.socket.end();
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') this.#ended({ kind: 'rst' });
      else this.#failed(error);
    });
    this.socket.on('close', () => this.#failed(new Error('the test closed the socket')));
  }

  #listenToWebSocket(ws: WebSocket): void {
    ws.on('message', (data, isBinary) => {
      if (!isBinary) this.#failed(new Error('the registry sent a text frame'));
      this.#inbox.push(data as Buffer);
      this.#wake();
    });
    ws.on('error', (error) => this.#failed(error));
    ws.on('close', (wsCode) => this.#ended({ kind: 'ws-close', wsCode }));
  }

  #ended(end: { kind: Closed['kind']; wsCode?: number }): void {
    if (this.#failure === undefined) this.#end ??= end;
    this.#wake();
  }

  #failed(failure: Error): void {
    if (this.#end === undefined) this.#failure ??= failure;
    this.#wake();
  }

  #wake(): void {
    for (const waker of [...this.#wakers]) waker();
  }

  #closed(): Closed | undefined {
    return this.#end === undefined ? undefined : { ...this.#end, bytes: Buffer.concat(this.#inbox) };
  }

  /** Resolves with the result of `ready`, which is called again at each event. */
  #until<T>(what: string, timeoutMs: number | undefined, ready: () => T | undefined, atEnd = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const limit = timeoutMs ?? this.#timeoutMs;
      const settle = (give: () => void): void => {
        clearTimeout(timer);
        this.#wakers.delete(look);
        give();
      };
      const timer = setTimeout(() => {
        const unread = this.#inbox.reduce((sum, { length }) => sum + length, 0);
        settle(() => reject(new Error(`${what} did not come within ${limit} ms (${unread} bytes unread)`)));
      }, limit);
      const look = (): void => {
        try {
          const found = ready();
          const closed = this.#closed();
          if (found !== undefined) settle(() => resolve(found));
          else if (closed !== undefined && !atEnd) settle(() => reject(new ClosedEarly(what, closed)));
          else if (this.#failure !== undefined) throw this.#failure;
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#wakers.add(look);
      look();
    });
  }

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
    if (this.transport === 'ws' || this.receiveMode === 'one-read') return this.#inbox.shift();
    const all = Buffer.concat(this.#inbox);
    return all.length < length ? undefined : this.#takeFrom(all, length);
  }

  #takeFrom(all: Buffer, length: number): Buffer {
    const rest = all.subarray(length);
    this.#inbox.splice(0, this.#inbox.length, ...(rest.length > 0 ? [rest] : []));
    return all.subarray(0, length);
  }

  #takeMessage(): Received | undefined {
    if (this.transport === 'ws' || this.receiveMode === 'one-read') {
      const wire = this.#inbox.shift();
      return wire === undefined ? undefined : this.#open(wire);
    }
    const all = Buffer.concat(this.#inbox);
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
