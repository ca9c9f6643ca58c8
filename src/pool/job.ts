// Between stages 1 and 2, and between 5 and 6: the layout of a job and its result in a slot of a worker channel
// (src/shared-memory/worker-channel.ts). The front end writes jobs and reads results, a worker does the reverse.
//
//   job    = kind(1) transport(1) early(1) pad(1) length(4) origin(4) scan(4) record(269) pad(3) bytes(length)
//   job of a request that has waited: bytes = the plain GetCluster
//   result = kind(1) op(1) why(1) dialect(1) consumed(4) length(4) times(3 × 4) record(269) hello(1) nameLength(1)
//            ends(4) pad(5) bytes(length) name(nameLength)
//
// A Hello's job leaves `record` as it is. A result's record begins with 255 if the session is unchanged. Only the reply
// that identifies a client has a name. The bytes of a request that waits are cluster(8) version(8) waitMs(4) until(4) and
// the plain GetCluster. An incomplete message has `scan` and `needed` in place of `consumed` and
// `length`.
//
// `record` of a job and `bytes` begin at multiples of 8: V8 copies unaligned shared memory byte by byte.
import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import { NAME_CHARS_MAX } from '../limits.ts';
import type { Session } from '../session/session.ts';
import { clusterKey } from '../shared-memory/change-ring.ts';
import { copyBytes } from '../shared-memory/copy-bytes.ts';
import { SESSION_DIALECTS, type SessionDialect } from '../wire/hello.ts';
import { SESSION_RECORD_BYTES, writeSession } from './session-record.ts';

/** One Hello, or the bytes of one message, for a worker. */
export interface Job {
  /**
   * `hello`: a whole Hello. `sealed-hello`: the same of the sealed dialect, then the client's address as text.
   * `message`: the blocks that arrived since the last message, or one sealed frame without its length. `refuse`: the same during a
   * drain; every message but a Bye is refused with `server is shutting down`. `resume`: the plain GetCluster of a request
   * that waited, which may wait on. `resume-last`: the same at the end of its wait. `mark`: a mark for the coordinator
   * (marks.ts).
   */
  readonly kind: 'hello' | 'sealed-hello' | 'message' | 'refuse' | 'resume' | 'resume-last' | 'mark';
  /** On WebSocket the bytes are one frame and must be one message. On TCP they may be less or more than one. */
  readonly transport: 'tcp' | 'ws';
  /** The session record, absent for a Hello. */
  readonly session: Uint8Array | undefined;
  /** Packed scan state of the last attempt on the same message (scan-codec.ts); NO_SCAN for the first attempt. */
  readonly scan: number;
  readonly bytes: Uint8Array;
  /** Entry of the growth budgets that pays for records that the message adds (R4); 0 for an exempt address. */
  readonly origin: number;
  /** True if bytes of the message had arrived before the reply to the one before was written (Q5). */
  readonly early?: boolean;
}

/** True for a Hello of any dialect. */
export function isHello(kind: Job['kind']): boolean {
  return kind === 'hello' || kind === 'sealed-hello';
}

/** True for a GetCluster that has waited. */
export function isResumed(kind: Job['kind']): boolean {
  return kind === 'resume' || kind === 'resume-last';
}

/** Reason for the end of a session. */
export type EndReason = 'bye' | Fault | Refusal;

/** The result of a job. */
export type JobResult =
  | JobIncomplete
  /** A silent close. */
  | { readonly kind: 'silent'; readonly why: Fault; readonly rsaOperations: number }
  | JobWaiting
  | JobReply;

/** A GetCluster that waits for a change of a cluster (V5). */
export interface JobWaiting {
  readonly kind: 'waiting';
  /** Key of the cluster in the change ring. */
  readonly cluster: number;
  /** A later version of the cluster ends the wait. */
  readonly version: number;
  readonly until: 'change' | 'complete';
  /** Milliseconds from now, or from the first result if the request has waited before. */
  readonly waitMs: number;
  /** The plain GetCluster, for the job that resumes it. */
  readonly request: Uint8Array;
  /** Bytes of the job that belong to the message; 0 if the request has waited before. */
  readonly consumed: number;
  /** The new session record; undefined if it is unchanged, or if the session ends. */
  readonly session: Uint8Array | undefined;
}

/** The message is not yet whole, or never will be. A peer cannot tell the two apart (F5). */
export interface JobIncomplete {
  readonly kind: 'incomplete';
  /** Packed scan state for the next attempt. */
  readonly scan: number;
  /** Bytes below which another attempt cannot succeed; NEVER_WHOLE if no number of bytes suffices. */
  readonly needed: number;
}

/** More bytes than a message can have. */
export const NEVER_WHOLE = 0xffff_ffff;

export interface JobReply {
  readonly kind: 'reply';
  /** Op of the answered message; 0 for a Hello or an Op out of range. */
  readonly op: number;
  /** RSA operations that the Hello took; 0 for a message. */
  readonly rsaOperations: number;
  /** True if the Hello was encrypted under the previous comms key (H10). */
  readonly previousKey: boolean;
  readonly dialect: SessionDialect;
  /** The encrypted reply, for one write. */
  readonly bytes: Uint8Array;
  /** Bytes of the job that belong to the message. */
  readonly consumed: number;
  /** Present if this message identified the client. */
  readonly clientName: string | undefined;
  /** Digest of the client's end points; present with `clientName`. */
  readonly clientEnds: number | undefined;
  /** Present if the session ends with this reply. */
  readonly why: EndReason | undefined;
  /** The new session record; undefined if it is unchanged, or if the session ends. */
  readonly session: Uint8Array | undefined;
}

/** Milliseconds that a job took in its worker. */
export interface JobTimes {
  /** Stage 2, up to the command or the reply: a Hello's RSA, or AES, protobuf and signatures. */
  readonly open: number;
  /** Stages 3 and 4, from the command until the worker popped the coordinator's reply; 0 without a command. */
  readonly ask: number;
  /** Stage 5, from the coordinator's reply or the roster cache's lookup to the encrypted reply; 0 without a command. */
  readonly seal: number;
}

/** A result in a worker, before its session is packed. */
export type WorkerResult =
  | Exclude<JobResult, JobReply | JobWaiting>
  | (Omit<JobWaiting, 'session' | 'cluster'> & {
      readonly clusterId: string;
      readonly session: Session | undefined;
      readonly rsaOperations: number;
    })
  | (Omit<JobReply, 'session'> & { readonly session: Session | undefined });

const JOB_KINDS = ['hello', 'sealed-hello', 'message', 'refuse', 'resume', 'resume-last', 'mark'] as const;
const TRANSPORTS = ['tcp', 'ws'] as const;
const RESULT_KINDS = ['incomplete', 'silent', 'reply', 'failed', 'waiting'] as const;
const WAITS = ['change', 'complete'] as const;
/** Bytes before the plain GetCluster of a request that waits. */
const WAIT_HEAD_BYTES = 24;
/** Bytes to which an error's text is cut. */
const FAILURE_BYTES_MAX = 512;
const REASONS = ['bye', ...Object.keys(FAULT_TEXT), ...Object.keys(REFUSAL_TEXT)] as EndReason[];
const REASON_CODES = new Map(REASONS.map((reason, code) => [reason, code]));
const NO_REASON = 255;
const ORIGIN_AT = 8;
const SCAN_AT = 12;
const JOB_HEAD_BYTES = 16;
const JOB_BYTES_AT = aligned(JOB_HEAD_BYTES + SESSION_RECORD_BYTES);
const TIMES_AT = 12;
const RESULT_HEAD_BYTES = TIMES_AT + 3 * 4;
const RECORD_END = RESULT_HEAD_BYTES + SESSION_RECORD_BYTES;
const HELLO_AT = RECORD_END;
const NAME_LENGTH_AT = HELLO_AT + 1;
const ENDS_AT = NAME_LENGTH_AT + 1;
const RESULT_BYTES_AT = aligned(ENDS_AT + 4);
/** First byte of a result's record if the session is unchanged. No session state has this number. */
const UNCHANGED = 255;
/** Bit of the `hello` byte for the previous comms key. The other bits count RSA operations. */
const PREVIOUS_KEY = 0x80;

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8;
}

export function writeJob({ kind, transport, session, scan, bytes, origin, early }: Job, slot: Buffer): void {
  slot[0] = JOB_KINDS.indexOf(kind);
  slot[1] = TRANSPORTS.indexOf(transport);
  slot[2] = early ? 1 : 0;
  slot.writeUInt32LE(bytes.length, 4);
  slot.writeUInt32LE(origin, ORIGIN_AT);
  slot.writeUInt32LE(scan, SCAN_AT);
  if (session) slot.set(session, JOB_HEAD_BYTES);
  slot.set(bytes, JOB_BYTES_AT);
}

/** Reads the job in a slot. Its session record and bytes are views of the slot. */
export function readJob(slot: Buffer): Job {
  const kind = JOB_KINDS[slot[0]!]!;
  return {
    kind,
    transport: TRANSPORTS[slot[1]!]!,
    session: isHello(kind) ? undefined : slot.subarray(JOB_HEAD_BYTES, JOB_HEAD_BYTES + SESSION_RECORD_BYTES),
    scan: slot.readUInt32LE(SCAN_AT),
    bytes: slot.subarray(JOB_BYTES_AT, JOB_BYTES_AT + slot.readUInt32LE(4)),
    origin: slot.readUInt32LE(ORIGIN_AT),
    ...(slot[2] === 1 && { early: true }),
  };
}

export function writeResult(result: WorkerResult, { open, ask, seal }: JobTimes, slot: Buffer): void {
  slot[0] = RESULT_KINDS.indexOf(result.kind);
  slot[2] = (isEnding(result) ? REASON_CODES.get(result.why!) : undefined) ?? NO_REASON;
  slot.writeFloatLE(open, TIMES_AT);
  slot.writeFloatLE(ask, TIMES_AT + 4);
  slot.writeFloatLE(seal, TIMES_AT + 8);
  slot[HELLO_AT] = result.kind === 'incomplete' ? 0 : result.rsaOperations;
  if (result.kind === 'incomplete') {
    slot.writeUInt32LE(result.scan, 4);
    slot.writeUInt32LE(result.needed, 8);
  }
  if (result.kind === 'waiting') writeWaiting(result, slot);
  if (result.kind !== 'reply') return;
  if (result.previousKey) slot[HELLO_AT]! |= PREVIOUS_KEY;
  slot[1] = result.op;
  slot[3] = SESSION_DIALECTS.indexOf(result.dialect);
  slot.writeUInt32LE(result.consumed, 4);
  slot.writeUInt32LE(result.bytes.length, 8);
  if (result.session) writeSession(result.session, slot, RESULT_HEAD_BYTES);
  else slot[RESULT_HEAD_BYTES] = UNCHANGED;
  copyBytes(result.bytes, slot, RESULT_BYTES_AT);
  const name = result.clientName?.slice(0, NAME_CHARS_MAX) ?? '';
  slot[NAME_LENGTH_AT] = name.length;
  slot.writeUInt32LE(result.clientEnds ?? 0, ENDS_AT);
  if (name !== '') slot.write(name, RESULT_BYTES_AT + result.bytes.length, 'latin1');
}

function isEnding(result: WorkerResult): result is WorkerResult & { readonly why: EndReason | undefined } {
  return result.kind === 'reply' || result.kind === 'silent';
}

function writeWaiting(result: WorkerResult & { readonly kind: 'waiting' }, slot: Buffer): void {
  slot.writeUInt32LE(result.consumed, 4);
  slot.writeUInt32LE(result.request.length, 8);
  if (result.session) writeSession(result.session, slot, RESULT_HEAD_BYTES);
  else slot[RESULT_HEAD_BYTES] = UNCHANGED;
  slot.writeDoubleLE(clusterKey(result.clusterId), RESULT_BYTES_AT);
  slot.writeDoubleLE(result.version, RESULT_BYTES_AT + 8);
  slot.writeUInt32LE(result.waitMs, RESULT_BYTES_AT + 16);
  slot.writeUInt32LE(WAITS.indexOf(result.until), RESULT_BYTES_AT + 20);
  slot.set(result.request, RESULT_BYTES_AT + WAIT_HEAD_BYTES);
}

function readWaiting(slot: Buffer): JobWaiting {
  const requestAt = RESULT_BYTES_AT + WAIT_HEAD_BYTES;
  return {
    kind: 'waiting',
    consumed: slot.readUInt32LE(4),
    session: slot[RESULT_HEAD_BYTES] === UNCHANGED ? undefined : slot.subarray(RESULT_HEAD_BYTES, RECORD_END),
    cluster: slot.readDoubleLE(RESULT_BYTES_AT),
    version: slot.readDoubleLE(RESULT_BYTES_AT + 8),
    waitMs: slot.readUInt32LE(RESULT_BYTES_AT + 16),
    until: WAITS[slot.readUInt32LE(RESULT_BYTES_AT + 20)]!,
    request: slot.subarray(requestAt, requestAt + slot.readUInt32LE(8)),
  };
}

/** Writes an error in place of a result. An error of a job is a bug of ours. */
export function writeFailure(error: unknown, slot: Buffer): void {
  const text = Buffer.from(String(error)).subarray(0, FAILURE_BYTES_MAX);
  slot[0] = RESULT_KINDS.indexOf('failed');
  slot.writeUInt32LE(text.length, 8);
  slot.set(text, RESULT_BYTES_AT);
}

/** The error in a slot; undefined if the slot holds a result. */
export function readFailure(slot: Buffer): Error | undefined {
  if (RESULT_KINDS[slot[0]!] !== 'failed') return undefined;
  return new Error(slot.toString('utf8', RESULT_BYTES_AT, RESULT_BYTES_AT + slot.readUInt32LE(8)));
}

/** Reads the result in a slot. Its session record and bytes are views of the slot. */
export function readResult(slot: Buffer): JobResult {
  const kind = RESULT_KINDS[slot[0]!] as JobResult['kind'];
  if (kind === 'incomplete') return { kind, scan: slot.readUInt32LE(4), needed: slot.readUInt32LE(8) };
  if (kind === 'waiting') return readWaiting(slot);
  const why = REASONS[slot[2]!];
  const hello = slot[HELLO_AT]!;
  const rsaOperations = hello & ~PREVIOUS_KEY;
  if (kind === 'silent') return { kind, why: why as Fault, rsaOperations };
  const bytesEnd = RESULT_BYTES_AT + slot.readUInt32LE(8);
  const nameLength = slot[NAME_LENGTH_AT]!;
  return {
    kind,
    op: slot[1]!,
    rsaOperations,
    previousKey: (hello & PREVIOUS_KEY) !== 0,
    why,
    clientName: nameLength === 0 ? undefined : slot.toString('latin1', bytesEnd, bytesEnd + nameLength),
    clientEnds: nameLength === 0 ? undefined : slot.readUInt32LE(ENDS_AT),
    dialect: SESSION_DIALECTS[slot[3]!]!,
    consumed: slot.readUInt32LE(4),
    session: slot[RESULT_HEAD_BYTES] === UNCHANGED ? undefined : slot.subarray(RESULT_HEAD_BYTES, RECORD_END),
    bytes: slot.subarray(RESULT_BYTES_AT, bytesEnd),
  };
}

export function readTimes(slot: Buffer): JobTimes {
  return {
    open: slot.readFloatLE(TIMES_AT),
    ask: slot.readFloatLE(TIMES_AT + 4),
    seal: slot.readFloatLE(TIMES_AT + 8),
  };
}

/** Overwrites the secrets in a free slot with zeros: session keys, and the plain request of a wait. */
export function wipeSlot(job: Buffer, response: Buffer): void {
  const plain = isResumed(JOB_KINDS[job[0]!]!) ? job.readUInt32LE(4) : 0;
  job.fill(0, 0, JOB_BYTES_AT + plain);
  const request = RESULT_KINDS[response[0]!] === 'waiting' ? response.readUInt32LE(8) : 0;
  response.fill(0, 0, RESULT_BYTES_AT + request);
}
