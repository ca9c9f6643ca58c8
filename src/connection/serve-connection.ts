// Stages 1 and 6, front end, sequential: makes jobs of one connection's bytes, and writes the replies. It submits jobs
// to the pool, which calls back with each result; in the front end only pool.ts and worker-handle.ts touch the SPSC
// queues. Every step takes microseconds: no RSA, AES or protobuf runs here. Invariant: a connection has at most one job
// in the pool, which keeps its messages in order.
import {
  BLOCK_BYTES,
  MESSAGE_BYTES_MAX,
  SEALED_FRAME_BYTES_MAX,
  SEALED_REQUEST_FRAME_BYTES_MAX,
  SEALED_REQUEST_FRAME_BYTES_MIN,
  WAITING_FRAMES_MAX,
} from '../limits.ts';
import type { SessionCounters, SessionEnd } from '../metrics/session-counters.ts';
import type { Connection, ConnectionHandler } from '../net/connection.ts';
import { isResumed, type Job, type JobReply, type JobResult, type JobWaiting } from '../pool/job.ts';
import { SEALED_HELLO_UNITS } from '../pool/job-queue.ts';
import type { Pool } from '../pool/pool.ts';
import { sealedHelloJob } from '../pool/serve-sealed.ts';
import type { JobTicket } from '../pool/worker-handle.ts';
import type { RandomBytes } from '../wire/dialect.ts';
import type { SessionDialect } from '../wire/hello.ts';
import { IvHistory } from '../wire/iv-history.ts';
import { Op } from '../wire/message.ts';
import { FRAME_LENGTH_BYTES } from '../wire/sealed-frame.ts';
import { Deadline } from './deadline.ts';
import { type HelloKinds, judgeHello } from './hello-kind.ts';
import { InputBuffer } from './input-buffer.ts';
import type { ClientPlacements, SessionPlacement } from './live-clients.ts';
import type { ParkedRequests } from './parked-requests.ts';
import { PartialMessage } from './partial-message.ts';
import { RequestWait } from './request-wait.ts';
import { clientIdOf, type OpenSession, type SessionEntry, type SessionLog } from './session-log.ts';

/** Milliseconds after which the server closes the connection of a silent peer (F8). */
export interface Deadlines {
  readonly helloTimeoutMs: number;
  readonly partialTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly joinedIdleTimeoutMs: number;
  readonly writeTimeoutMs: number;
}

/** The parts that all connections share. */
export interface Service {
  readonly pool: Pool;
  readonly metrics: SessionCounters;
  readonly log: SessionLog;
  readonly clients: ClientPlacements;
  readonly parked: ParkedRequests;
  readonly deadlines: Deadlines;
  readonly random: RandomBytes;
  readonly hellos: HelloKinds;
}

const IV_BYTES = 16;
/** Waiting bytes from which a peer gets back-pressure: the longest message or frame. */
const INPUT_BYTES_MAX = MESSAGE_BYTES_MAX + FRAME_LENGTH_BYTES;

export class ServedConnection implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #service: Service;
  readonly #onClosed: () => void;
  readonly #entry: SessionEntry;
  /** In phase `ended` further bytes are dropped. */
  #phase: 'hello' | 'session' | 'ended' = 'hello';
  #dialect: SessionDialect | undefined;
  #session: Uint8Array | undefined;
  #ivs: IvHistory | undefined;
  /** Present once the client is identified. */
  #placement: SessionPlacement | undefined;
  #joined = false;
  /** Bytes of the next message had arrived before the last reply was written. */
  #early = false;
  readonly #input: InputBuffer;
  /** The Hello or message that `#input` begins with (TCP). */
  readonly #partial = new PartialMessage();
  /** Runs while the socket is paused between segments. */
  #rest: NodeJS.Timeout | undefined;
  /** The job in work. */
  #ticket: JobTicket | undefined;
  /** Place of the change ring before the job in work was submitted. */
  #ringPlace = 0;
  /** The request that waits (V5). */
  #wait: RequestWait | undefined;
  #writing = false;
  #peerEnded = false;
  #stopping = false;
  /** A deadline that passes during a job waits for its result: the message may turn out to be whole. */
  readonly #deadline = new Deadline<SessionEnd>((end) => {
    if (!this.#ticket) this.#finish(end);
  });

  /** Calls `onClosed` once, when the connection is gone. */
  constructor(connection: Connection, service: Service, onClosed: () => void) {
    this.#connection = connection;
    this.#service = service;
    this.#onClosed = onClosed;
    this.#input = new InputBuffer(connection.transport);
    service.metrics.opened(connection.transport);
    this.#entry = service.log.open(connection);
    this.#armPartial(service.deadlines.helloTimeoutMs, 'hello-timeout');
    connection.permit.evict = () => {
      this.#finish('displaced');
      connection.destroy();
    };
  }

  /** The connection as operators see it. */
  describe(): OpenSession {
    return this.#entry.describe(this.#session);
  }

  received(bytes: Uint8Array): void {
    if (this.#phase === 'ended') return;
    const limit = this.#connection.permit.takeBytes(bytes.length);
    if (limit) return this.#finish(limit);
    if (this.#ticket !== undefined && this.#phase === 'hello') return this.#finish('hello-early-bytes');
    this.#input.add(bytes);
    if (this.#connection.transport === 'tcp') this.#restAfterSegment();
    if (this.#wait?.isParked) return this.#wait.end('message');
    if (this.#ticket === undefined && !this.#writing) return this.#next();
    if (this.#input.pieces - (this.#ticket ? 1 : 0) > WAITING_FRAMES_MAX) return this.#finish('message-flood');
    // A peer that pipelines requests gets back-pressure.
    if (this.#input.first!.length > INPUT_BYTES_MAX) this.#connection.pause();
  }

  /** Leaves further segments in the kernel's buffer for a while. Each read costs as much as a small message. */
  #restAfterSegment(): void {
    const milliseconds = this.#partial.restAfterSegment();
    if (milliseconds === 0 || this.#rest) return;
    this.#connection.pause();
    this.#rest = setTimeout(() => this.#endRest(), milliseconds);
  }

  /** Reads again after a rest, unless back-pressure forbids it. */
  #endRest(): void {
    clearTimeout(this.#rest);
    this.#rest = undefined;
    if ((this.#input.first?.length ?? 0) <= INPUT_BYTES_MAX) this.#connection.resume();
  }

  drained(): void {
    if (!this.#writing || this.#phase === 'ended') return;
    this.#writing = false;
    this.#next();
  }

  peerEnded(): void {
    this.#peerEnded = true;
    if (this.#wait?.isParked) return this.#wait.end('fin');
    if (this.#phase === 'ended' || this.#ticket !== undefined || this.#writing) return;
    if (this.#phase === 'hello') this.#finish('peer-closed');
    else this.#next();
  }

  closed(): void {
    this.#deadline.clear();
    if (this.#phase !== 'ended') this.#release('peer-closed');
    this.#onClosed();
  }

  /** Begins the drain: the message in work gets its reply, the next one a refusal. Closes peers without a Hello. */
  stop(): void {
    this.#stopping = true;
    if (this.#phase === 'hello' && this.#ticket === undefined) this.#finish('stopped');
  }

  /** Closes the connection at the end of the drain's grace period. */
  abandon(): void {
    this.#finish('stopped');
    this.#connection.destroy();
  }

  /** Submits the next Hello or message to the pool, or waits for more bytes. */
  #next(): void {
    if (this.#phase === 'hello') this.#nextHello();
    else this.#nextMessage();
    const idle = this.#ticket === undefined && !this.#writing && this.#phase !== 'ended';
    if (this.#peerEnded && idle) this.#finish('peer-closed');
  }

  #nextHello(): void {
    const { transport, permit } = this.#connection;
    const bytes = this.#input.first!;
    const verdict = judgeHello(bytes, this.#input.pieces > 1, transport, this.#service.hellos);
    if (verdict === 'wait') return;
    if (verdict !== 'hello' && verdict !== 'sealed-hello') return this.#finish(verdict);
    const isSealed = verdict === 'sealed-hello';
    const limit = permit.takeHello(isSealed ? SEALED_HELLO_UNITS : 1);
    if (limit) return this.#finish(limit);
    this.#submit(verdict, isSealed ? sealedHelloJob(bytes, permit.address ?? '') : bytes);
    // Bytes that arrive before the reply are a fault (H4), so the socket must be read.
    if (this.#rest) this.#endRest();
  }

  #nextMessage(): void {
    const bytes = this.#input.first;
    if (bytes === undefined) return this.#armIdle();
    if (this.#dialect === 'sealed') return this.#nextFrame(bytes);
    if (this.#connection.transport === 'ws') {
      if (this.#countMessage(bytes)) this.#attempt(bytes);
      return;
    }
    const whole = Math.min(bytes.length - (bytes.length % BLOCK_BYTES), MESSAGE_BYTES_MAX);
    if (whole > 0 && !this.#countMessage(bytes)) return;
    const last = whole === MESSAGE_BYTES_MAX || this.#peerEnded;
    const least = this.#ivs ? IV_BYTES + BLOCK_BYTES : BLOCK_BYTES;
    if (whole >= least && this.#partial.isDue(whole, last)) return this.#attempt(bytes.subarray(0, whole));
    if (bytes.length > MESSAGE_BYTES_MAX) return this.#finish('message-too-long');
    this.#armPartial(this.#service.deadlines.partialTimeoutMs, 'message-timeout');
  }

  /** Submits a frame of the sealed dialect once it is whole. Its length is judged before its bytes are awaited. */
  #nextFrame(bytes: Uint8Array): void {
    const head = this.#frameHead;
    if (bytes.length >= head) {
      const length = head === 0 ? bytes.length : bytes[0]! * 256 + bytes[1]!;
      const possible = length >= SEALED_REQUEST_FRAME_BYTES_MIN && length <= SEALED_REQUEST_FRAME_BYTES_MAX;
      if (!possible) return this.#finish('frame-length');
      if (!this.#countMessage(bytes)) return;
      if (bytes.length >= head + length) return this.#attempt(bytes.subarray(head, head + length));
    }
    this.#armPartial(this.#service.deadlines.partialTimeoutMs, 'message-timeout');
  }

  /** Bytes in front of a request that its job leaves out: the length of a sealed frame on TCP. */
  get #frameHead(): number {
    return this.#dialect === 'sealed' && this.#connection.transport === 'tcp' ? FRAME_LENGTH_BYTES : 0;
  }

  /** Gives a Hello or a message one deadline to become whole. Further bytes do not extend it. */
  #armPartial(milliseconds: number, end: SessionEnd): void {
    if (this.#partial.begin(milliseconds)) this.#deadline.arm(milliseconds, end);
  }

  #armIdle(): void {
    const { deadlines } = this.#service;
    const idleTimeoutMs = this.#joined ? deadlines.joinedIdleTimeoutMs : deadlines.idleTimeoutMs;
    const { msLeft } = this.#connection.permit;
    if (msLeft < idleTimeoutMs) this.#deadline.arm(msLeft, 'session-time');
    else this.#deadline.arm(idleTimeoutMs, 'idle');
  }

  /** Counts a message at its first block, and checks that its IV is new (F6). Returns false if the session ends. */
  #countMessage(bytes: Uint8Array): boolean {
    if (this.#partial.messageCounted) return true;
    this.#partial.messageCounted = true;
    const repeated = bytes.length >= IV_BYTES && this.#ivs?.add(bytes) === false;
    const end = repeated ? 'iv-repeated' : this.#connection.permit.takeMessage();
    if (end) this.#finish(end);
    return end === undefined;
  }

  /** Has a worker look for a message at the start of `bytes`. */
  #attempt(bytes: Uint8Array): void {
    this.#partial.attempt(bytes.length);
    this.#submit(this.#stopping ? 'refuse' : 'message', bytes);
  }

  #submit(kind: Job['kind'], bytes: Uint8Array): void {
    const { transport, permit } = this.#connection;
    this.#ringPlace = this.#service.parked.place;
    const { scan } = this.#partial;
    const job = { kind, transport, session: this.#session, scan, bytes, origin: permit.origin, early: this.#early };
    this.#ticket = this.#service.pool.submit(job, (result) => this.#done(result));
    if (this.#ticket === undefined) this.#finish('overload');
  }

  #done(result: JobResult | undefined): void {
    const resumed = this.#ticket !== undefined && isResumed(this.#ticket.job.kind);
    this.#ticket = undefined;
    if (result === undefined) return this.#finish('worker-failed');
    if (result.kind === 'silent') {
      if (result.why === 'hello-mac-wrong') this.#connection.permit.giveBackHello(SEALED_HELLO_UNITS);
      return this.#finish(result.why);
    }
    if (result.kind === 'incomplete') {
      if (this.#deadline.passed) return this.#finish(this.#deadline.passed);
      this.#partial.unfinished(result);
      this.#armPartial(this.#service.deadlines.partialTimeoutMs, 'message-timeout');
      return this.#next();
    }

    if (!resumed) this.#consume(result.consumed);
    // Copy: the result's memory is the pool's again after this call.
    if (result.session && this.#session) this.#session.set(result.session);
    else if (result.session) this.#session = new Uint8Array(result.session);
    if (result.kind === 'waiting') return this.#park(result);
    this.#wait?.forget();
    this.#wait = undefined;
    this.#answer(result);
  }

  /** Drops the input of a message that has been served. */
  #consume(count: number): void {
    this.#input.consume(count + this.#frameHead);
    this.#partial.reset();
    this.#endRest();
    this.#deadline.forgive();
  }

  /** Writes the reply to a Hello or a message. */
  #answer(result: JobReply): void {
    if (this.#phase === 'hello') {
      // A session must never lack keys: a worker would take whatever the slot holds for them.
      if (!this.#session) return this.#finish('worker-failed');
      this.#phase = 'session';
      if (!this.#connection.permit.greeted()) return;
      this.#dialect = result.dialect;
      if (result.dialect === 'prefixed') this.#ivs = new IvHistory(this.#service.random);
      this.#service.metrics.greeted(result.dialect, this.#connection.transport, result.previousKey);
      this.#entry.greeted(result.dialect);
    } else {
      this.#service.metrics.served(result.op);
      this.#entry.served(result.op);
      if (result.clientName !== undefined) this.#identified(result.clientName, result.clientEnds!);
      else if (this.#placement?.replacedBy && result.op !== Op.Bye) this.#service.clients.active(this.#placement);
    }
    this.#early = this.#input.first !== undefined;
    this.#ivs?.add(result.bytes);
    if (result.op === Op.Join && result.why === undefined) this.#joined = true;
    if (result.why !== undefined) return this.#finish(result.why, result.bytes);
    this.#writing = !this.#send(result.bytes);
    // The send may have found the connection gone.
    if (this.#hasEnded) return;
    if (this.#writing) this.#deadline.arm(this.#service.deadlines.writeTimeoutMs, 'write-timeout');
    else this.#next();
  }

  /** Parks the connection. The deadline of silence does not end a wait. */
  #park(result: JobWaiting): void {
    this.#deadline.disarm();
    const { msLeft } = this.#connection.permit;
    this.#wait ??= new RequestWait(this.#service.parked, result, msLeft, (kind, bytes) => this.#submit(kind, bytes));
    this.#wait.park(result.version, this.#ringPlace);
    if (!this.#wait?.isParked) return;
    if (this.#input.first !== undefined) this.#wait.end('message');
    else if (this.#peerEnded) this.#wait.end('fin');
  }

  /** Sends a reply. On WebSocket each sealed frame is a message of its own; all but the last are full. */
  #send(bytes: Uint8Array): boolean {
    const single = this.#dialect !== 'sealed' || this.#connection.transport === 'tcp';
    if (single || bytes.length <= SEALED_FRAME_BYTES_MAX) return this.#connection.send(bytes);
    let taken = true;
    for (let at = 0; at < bytes.length && !this.#hasEnded; at += SEALED_FRAME_BYTES_MAX) {
      taken = this.#connection.send(bytes.subarray(at, at + SEALED_FRAME_BYTES_MAX)) && taken;
    }
    return taken;
  }

  #identified(clientName: string, clientEnds: number): void {
    this.#entry.identified(clientName);
    const clientId = clientIdOf(this.#session!);
    if (clientId !== undefined)
      this.#placement = this.#service.clients.identified(clientId, clientEnds, this.#connection.permit.address);
  }

  /** Ends the session with a last reply, or with a silent close if `bytes` is absent. */
  #finish(end: SessionEnd, bytes?: Uint8Array): void {
    if (this.#phase === 'ended') return;
    this.#release(end);
    if (end === 'write-timeout') this.#connection.destroy();
    else this.#connection.end(bytes);
  }

  get #hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  #release(end: SessionEnd): void {
    this.#phase = 'ended';
    this.#deadline.clear();
    clearTimeout(this.#rest);
    if (this.#ticket) this.#ticket.withdrawn = true;
    this.#wait?.forget(true);
    this.#wait = undefined;
    this.#entry.ended(end, this.#session);
    if (this.#placement) this.#service.clients.ended(this.#placement);
    this.#session?.fill(0);
    this.#input.clear();
    this.#ivs = undefined;
    this.#service.metrics.ended(this.#connection.transport, this.#dialect ?? 'none', end);
    this.#connection.permit.ended(end);
  }
}
