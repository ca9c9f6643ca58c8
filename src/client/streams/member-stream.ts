// A stream between two members: a Duplex over an encrypted connection.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { CipherState } from '../../noise/cipher-state.ts';
import type { StreamPeer } from './peer-directory.ts';
import { PeerRemoved, StreamCut } from './stream-error.ts';
import { DATA, END, FRAME_DATA_MAX, FrameReader, sealFrame } from './stream-frames.ts';

const NOTHING = new Uint8Array(0);

/** The connection under a stream, once its handshake is done. */
export interface StreamConnection {
  readonly socket: Socket;
  readonly send: CipherState;
  readonly receive: CipherState;
  /** Bytes that came behind the handshake. */
  readonly early: Buffer;
}

/**
 * A Duplex to another member. Each direction ends by itself: `end()` sends an end mark, and `'end'` comes after the
 * other side's mark. Any other end of the connection is a cut: `'error'` with a StreamCut, then `'close'`. Memory is
 * bounded by both high-water marks, one frame and one read of the socket. As with every Duplex, `for await` destroys the
 * stream when the reading ends; read by events where this side goes on writing.
 *
 * @example
 * ```ts
 * await using streams = await openStreams(regCred, member, 'demo');
 * streams.on('stream', (stream) => {
 *   stream.on('data', (chunk) => console.log(stream.peer.name, chunk.length));
 *   stream.end('welcome');
 * });
 * ```
 */
export class MemberStream extends Duplex {
  /** The other side, as the roster had it when the stream was opened. */
  readonly peer: StreamPeer;
  readonly #socket: Socket;
  readonly #send: CipherState;
  readonly #frames: FrameReader;
  /** The other side's end mark has come. */
  #ended = false;
  /** The connection gives no more bytes. */
  #over = false;
  /** False while the reader wants no more: no frame is decrypted, and the socket is not read. */
  #flowing = true;

  constructor(peer: StreamPeer, { socket, send, receive, early }: StreamConnection) {
    super({ allowHalfOpen: true });
    this.peer = peer;
    this.#socket = socket;
    this.#send = send;
    this.#frames = new FrameReader(receive, early);
    socket.on('data', (chunk: Buffer) => {
      this.#frames.add(chunk);
      this.#deliver();
    });
    socket.on('end', () => this.#inputOver());
    // 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#inputOver();
      if (!this.writableFinished) this.#cut('the connection closed');
    });
  }

  /** Begins to deliver. The owner calls it once the stream's events have listeners. */
  start(): void {
    this.#deliver();
    this.#socket.resume();
  }

  /** Cuts the stream: the other side has lost its place. */
  peerRemoved(): void {
    this.destroy(new PeerRemoved(this.peer.name));
  }

  override _read(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.#deliver();
    if (this.#flowing) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let goesOn = true;
    for (let at = 0; at < chunk.length; at += FRAME_DATA_MAX) {
      goesOn = this.#socket.write(sealFrame(this.#send, DATA, chunk.subarray(at, at + FRAME_DATA_MAX)));
    }
    if (goesOn) done();
    else this.#whenWritable(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    // `done` waits for the socket, so that 'finish' means that the system has all bytes.
    this.#socket.end(sealFrame(this.#send, END, NOTHING), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    this.#send.wipe();
    done(error);
  }

  /** Calls back when the socket takes more. If it closes first, the stream is destroyed, which ends the write. */
  #whenWritable(done: (error?: Error | null) => void): void {
    this.#socket.once('drain', () => done());
  }

  /** Delivers whole frames until the reader has enough. */
  #deliver(): void {
    try {
      while (this.#flowing && !this.destroyed) {
        const frame = this.#frames.next();
        if (frame === undefined) break;
        this.#take(frame.type, frame.data);
      }
    } catch {
      this.#cut('a frame is not genuine');
    }
    if (this.#over && this.#flowing && !this.#ended) this.#cut('the connection ended without an end mark');
  }

  #take(type: number, data: Buffer): void {
    if (this.#ended || (type !== DATA && (type !== END || data.length > 0))) this.#cut('a frame breaks the protocol');
    else if (type === END) {
      this.#ended = true;
      this.push(null);
    } else if (data.length > 0 && !this.push(data)) {
      this.#flowing = false;
      this.#socket.pause();
    }
  }

  /** The connection gives no more bytes. Frames that the reader has not taken yet still count. */
  #inputOver(): void {
    this.#over = true;
    this.#deliver();
  }

  #cut(why: string): void {
    this.destroy(new StreamCut(`the stream with ${this.peer.name} is cut: ${why}`));
  }
}
