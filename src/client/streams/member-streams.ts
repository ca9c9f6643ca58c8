// Streams between the members of one cluster: one listener, any number of dials. A stream lives as long as both sides
// have their place in the roster.
import { EventEmitter } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { NoiseError } from '../../noise/noise-error.ts';
import { idBytes } from '../cluster.ts';
import { ByteReader, ReadEnded } from './byte-reader.ts';
import { HANDSHAKE_MS, HalfOpen } from './half-open.ts';
import { Answer, Dial, LENGTH_BYTES, MESSAGE_1_BYTES, MESSAGE_2_BYTES, STREAM_MAGIC } from './handshake.ts';
import { MemberStream } from './member-stream.ts';
import { type PeerDirectory, SharedRefresh, type StreamPeer, sameBytes, sealKeyOf } from './peer-directory.ts';
import { StreamRefused } from './stream-error.ts';
import { DATA, sealFrame } from './stream-frames.ts';

const NOTHING = Buffer.alloc(0);
/** Streams at most at a time, both kinds together. Beyond it connections are closed and dials refused. */
const STREAMS_MAX = 1_024;
/** Connections that the system may hold before they are accepted. */
const BACKLOG = 128;

/** Options of `dial`. */
export interface DialOptions {
  /** Ends the attempt. The stream outlives it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to connect and shake hands with one end point; default 5,000. */
  readonly timeoutMs?: number | undefined;
}

/** Events of `MemberStreams`. */
export interface StreamEvents {
  /** The roster was fetched. */
  roster: [];
  /** A member has opened a stream to this one. Without a listener of this event the stream is cut. */
  stream: [stream: MemberStream];
}

/**
 * The streams of this member in one cluster.
 *
 * @example
 * ```ts
 * await using streams = await openStreams(regCred, member, 'demo');
 * for (const { id, name } of streams.peers) {
 *   const stream = await streams.dial(id, { timeoutMs: 2_000 }).catch(() => undefined);
 *   if (stream === undefined) console.log(`${name} cannot be reached`);
 *   else stream.end('hello');
 * }
 * ```
 */
export class MemberStreams extends EventEmitter<StreamEvents> {
  readonly #directory: PeerDirectory;
  readonly #refresh: SharedRefresh;
  readonly #halfOpen = new HalfOpen();
  readonly #streams = new Set<MemberStream>();
  readonly #unsubscribe: () => void;
  readonly #onClose: () => Promise<void>;
  #server: Server | undefined;
  #closed = false;

  /** `onClose` ends what keeps the directory. */
  constructor(directory: PeerDirectory, onClose: () => Promise<void> = async () => {}) {
    super();
    this.#onClose = onClose;
    this.#directory = directory;
    this.#refresh = new SharedRefresh(directory);
    this.#unsubscribe = directory.onChange(() => {
      this.#cutRemoved();
      this.emit('roster');
    });
  }

  /** The other members to which a stream is possible. */
  get peers(): StreamPeer[] {
    return this.#directory.members().filter((peer) => typeof sealKeyOf(this.#directory, peer) !== 'string');
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** Listens for other members; `port` 0 takes a free one. Rejects with the system's error. */
  async listen(at: { readonly port: number; readonly host?: string | undefined }): Promise<AddressInfo> {
    if (this.#closed || this.#server !== undefined)
      throw new StreamRefused('closed', 'these streams listen or are closed');
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
      void this.#accept(socket);
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...at, backlog: BACKLOG }, resolve);
    });
    return server.address() as AddressInfo;
  }

  /**
   * Opens a stream to a member of the cluster, given by its ID, hex or bytes. Tries its end points in order. After a refused handshake it
   * fetches the roster and tries once more. Rejects with StreamRefused, or with the signal's reason.
   */
  async dial(member: string | Uint8Array, options: DialOptions = {}): Promise<MemberStream> {
    const id = typeof member === 'string' ? idBytes(member) : member;
    try {
      return await this.#dialOnce(id, options);
    } catch (error) {
      const again = error instanceof StreamRefused && (error.because === 'handshake' || error.because === 'peer');
      if (!again || this.#closed || sameBytes(id, this.#directory.self.id)) throw error;
      await this.#refresh.ask();
      options.signal?.throwIfAborted();
      return await this.#dialOnce(id, options);
    }
  }

  /** Stops listening and cuts all streams. Resolves when all connections are closed. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#halfOpen.clear();
    for (const stream of [...this.#streams]) stream.destroy();
    const server = this.#server;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    await this.#onClose();
  }

  /** For `await using`: closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ---- accepting

  async #accept(socket: Socket): Promise<void> {
    socket.on('error', () => {});
    if (this.#closed || this.#streams.size >= STREAMS_MAX) {
      socket.destroy();
      return;
    }
    this.#halfOpen.add(socket);
    try {
      await this.#answer(socket);
    } catch (error) {
      socket.destroy();
      if (!(error instanceof ReadEnded || error instanceof NoiseError || error instanceof StreamRefused)) throw error;
    }
  }

  async #answer(socket: Socket): Promise<void> {
    const reader = new ByteReader(socket);
    if (!sameBytes(await reader.take(STREAM_MAGIC.length), STREAM_MAGIC)) throw new NoiseError('another protocol');
    const length = (await reader.take(LENGTH_BYTES)).readUInt16BE();
    if (!MESSAGE_1_BYTES.includes(length)) throw new NoiseError('no message 1');
    const answer = new Answer(this.#directory, await reader.take(length));
    const peer = this.#initiatorOf(answer) ?? (await this.#lookAgain(answer));
    const { bytes, transport } = answer.message2();
    socket.write(bytes);
    // Message 1 can be a replay. Only the first frame proves that the initiator is here now.
    const head = await reader.take(LENGTH_BYTES);
    const body = await reader.take(head.readUInt16BE());
    const first = transport.receive.decrypt(body);
    if (first.length !== 1 || first[0] !== DATA) throw new NoiseError('the first frame is not an empty data frame');
    this.#halfOpen.delete(socket);
    // The roster may have changed meanwhile.
    if (this.#initiatorOf(answer) === undefined) throw new StreamRefused('peer', 'the initiator has lost its place');
    const stream = this.#open(peer, socket, { ...transport, early: reader.release() });
    if (!this.emit('stream', stream)) stream.destroy();
    else stream.start();
  }

  /** The peer with the claimed ID, if the initiator holds its SealKey. */
  #initiatorOf(answer: Answer): StreamPeer | undefined {
    const peer = this.#directory.find(answer.initiatorId);
    const sealKey = sealKeyOf(this.#directory, peer);
    return typeof sealKey !== 'string' && answer.isBy(sealKey) ? peer : undefined;
  }

  /** The initiator may be newer than the roster. */
  async #lookAgain(answer: Answer): Promise<StreamPeer> {
    await this.#refresh.ask();
    const peer = this.#initiatorOf(answer);
    if (peer === undefined) throw new StreamRefused('peer', 'no verified member with this SealKey');
    return peer;
  }

  // ---- dialling

  async #dialOnce(id: Uint8Array, { signal, timeoutMs = HANDSHAKE_MS }: DialOptions): Promise<MemberStream> {
    signal?.throwIfAborted();
    if (this.#closed) throw new StreamRefused('closed', 'these streams are closed');
    if (this.#streams.size >= STREAMS_MAX) throw new StreamRefused('closed', `${STREAMS_MAX} streams are open`);
    const peer = this.#directory.find(id);
    const sealKey = sealKeyOf(this.#directory, peer);
    if (peer === undefined || typeof sealKey === 'string') {
      throw new StreamRefused('peer', `no stream to ${peer?.name ?? 'this ID'}: ${sealKey as string}`);
    }
    let failure = new StreamRefused('unreachable', `${peer.name} has no end point`);
    for (const endPoint of peer.endPoints) {
      try {
        return await this.#dialEndPoint(peer, sealKey, endPoint, timed(signal, timeoutMs));
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof StreamRefused)) throw error;
        if (failure.because !== 'handshake') failure = error;
      }
    }
    throw failure;
  }

  async #dialEndPoint(
    peer: StreamPeer,
    sealKey: Uint8Array,
    endPoint: string,
    signal: AbortSignal,
  ): Promise<MemberStream> {
    const socket = await connected(endPoint, signal);
    const giveUp = () => socket.destroy();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const dial = new Dial(this.#directory, peer.id, sealKey);
      const reader = new ByteReader(socket);
      socket.write(dial.message1());
      const length = (await reader.take(LENGTH_BYTES)).readUInt16BE();
      if (length !== MESSAGE_2_BYTES) throw new NoiseError('no message 2');
      const transport = dial.readMessage2(await reader.take(length));
      socket.write(sealFrame(transport.send, DATA, NOTHING));
      const stream = this.#open(peer, socket, { ...transport, early: reader.release() });
      stream.start();
      return stream;
    } catch (cause) {
      socket.destroy();
      if (!(cause instanceof ReadEnded || cause instanceof NoiseError)) throw cause;
      throw new StreamRefused('handshake', `${peer.name} at ${endPoint} refused the handshake`, { cause });
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  // ---- open streams

  #open(
    peer: StreamPeer,
    socket: Socket,
    parts: Pick<ConstructorParameters<typeof MemberStream>[1], 'send' | 'receive' | 'early'>,
  ): MemberStream {
    if (this.#closed) throw new StreamRefused('closed', 'these streams are closed');
    socket.setKeepAlive(true, 30_000);
    const stream = new MemberStream(peer, { socket, ...parts });
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  #cutRemoved(): void {
    for (const stream of [...this.#streams]) {
      const now = sealKeyOf(this.#directory, this.#directory.find(stream.peer.id));
      if (typeof now === 'string' || !sameBytes(now, stream.peer.sealKey ?? NOTHING)) stream.peerRemoved();
    }
  }
}

function timed(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/** Connects to `host:port`, with the prefix of old tokens or without. Rejects with StreamRefused. */
async function connected(endPoint: string, signal: AbortSignal): Promise<Socket> {
  const [, host, bare, port] = /^(?:TcpEndPoint: )?(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(endPoint) ?? [];
  const socket = connect({ host: host ?? bare ?? '', port: Number(port), noDelay: true, allowHalfOpen: true });
  socket.on('error', () => {});
  return await new Promise((resolve, reject) => {
    const fail = (cause?: unknown): void => {
      signal.removeEventListener('abort', fail);
      socket.destroy();
      reject(new StreamRefused('unreachable', `no connection to ${endPoint}`, { cause }));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      signal.removeEventListener('abort', fail);
      socket.off('error', fail);
      resolve(socket);
    });
    signal.addEventListener('abort', fail, { once: true });
  });
}
