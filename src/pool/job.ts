// A job and its result as they stand in a slot of a channel (src/shared-memory/worker-channel.ts).
//
//   job    = kind(1) transport(1) pad(2) length(4) origin(4) scan(4) session record, none of a Hello pad(1) bytes(length)
//   result = kind(1) op(1) why(1) dialect(1) consumed(4) length(4) times(3 × 4) session record, or 255 where it is as it was; hello(1) nameLength(1) ends(4)
//            bytes(length) name(nameLength), of a client that has just been identified
//            of a message that is not whole: scan and needed in place of consumed and length
//
// What is copied begins at multiples of 8: shared memory is copied byte by byte where it does not.

import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import { NAME_CHARS_MAX } from '../limits.ts';
import type { Session } from '../session/session.ts';
import { copyBytes } from '../shared-memory/copy-bytes.ts';
import type { DialectName } from '../wire/hello.ts';
import { SESSION_RECORD_BYTES, writeSession } from './session-record.ts';

/** What a worker is asked to do for one connection. */
export interface Job {
  /**
   * A Hello, whole; or what has arrived since the last message, in whole blocks. `refuse` is a message too, which is told
   * `server is shutting down` unless it is a Bye.
   */
  readonly kind: 'hello' | 'message' | 'refuse';
  /** On WebSocket the bytes are one frame and have to be one message; on TCP they may be less or more. */
  readonly transport: 'tcp' | 'ws';
  /** The session record, absent for a Hello. */
  readonly session: Uint8Array | undefined;
  /** Where the last attempt on the same message stopped (packed-scan.ts); NO_SCAN of a first one. */
  readonly scan: number;
  readonly bytes: Uint8Array;
  /** The entry of the growth budgets that pays for what the message adds to the table (R4); 0 for an exempt address. */
  readonly origin: number;
}

/** Why a session ends. */
export type EndReason = 'bye' | Fault | Refusal;

/** What became of a job. */
export type JobResult =
  | JobIncomplete
  /** Close without a word. */
  | { readonly kind: 'silent'; readonly why: Fault; readonly rsaOperations: number }
  | JobReply;

/** The message is not yet whole, or never will be: outside they look alike (F5). */
export interface JobIncomplete {
  readonly kind: 'incomplete';
  /** For the next attempt. */
  readonly scan: number;
  /** An attempt on fewer bytes finds nothing either; NEVER_WHOLE where one on any number does not. */
  readonly needed: number;
}

/** More bytes than a message can have. */
export const NEVER_WHOLE = 0xffff_ffff;

export interface JobReply {
  readonly kind: 'reply';
  /** Op of the message that is answered, 0 for a Hello or an Op out of range. */
  readonly op: number;
  /** What opening a Hello took; 0 for a message. */
  readonly rsaOperations: number;
  /** Whether it was under the comms key that has been replaced. */
  readonly previousKey: boolean;
  readonly dialect: DialectName;
  /** To be sent in one write. */
  readonly bytes: Uint8Array;
  /** Bytes of the job that the message took. */
  readonly consumed: number;
  /** Of a client that has just been identified. */
  readonly clientName: string | undefined;
  /** With clientName: a digest of its end points. */
  readonly clientEnds: number | undefined;
  /** Present if the session ends with this reply. */
  readonly why: EndReason | undefined;
  /** The session record from now on; undefined: as it was. */
  readonly session: Uint8Array | undefined;
}

/** What a job took in its worker, in milliseconds. */
export interface JobTimes {
  /** Until the reply, or the question to the table: a Hello's RSA, or AES, protobuf and signatures. */
  readonly open: number;
  /** From the question to the coordinator until its answer was looked at; 0 without one. */
  readonly ask: number;
  /** From the answer, the coordinator's or the roster cache's, to the encrypted reply; 0 without a question. */
  readonly seal: number;
}

/** A result as a worker has it: the session not yet packed. */
export type WorkerResult =
  | Exclude<JobResult, JobReply>
  | (Omit<JobReply, 'session'> & { readonly session: Session | undefined });

const JOB_KINDS = ['hello', 'message', 'refuse'] as const;
const TRANSPORTS = ['tcp', 'ws'] as const;
const RESULT_KINDS = ['incomplete', 'silent', 'reply', 'failed'] as const;
/** Bytes of an error's text that are told. */
const FAILURE_BYTES_MAX = 512;
const DIALECTS = ['chained', 'prefixed'] as const;
const REASONS = ['bye', ...Object.keys(FAULT_TEXT), ...Object.keys(REFUSAL_TEXT)] as EndReason[];
const REASON_PLACES = new Map(REASONS.map((reason, place) => [reason, place]));
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
/** In place of a session record: the session is as it was. No state has this number. */
const UNCHANGED = 255;
/** Of the byte that says what a Hello took, the bit for the key that has been replaced. */
const PREVIOUS_KEY = 0x80;

function aligned(at: number): number {
  return Math.ceil(at / 8) * 8;
}

export function writeJob({ kind, transport, session, scan, bytes, origin }: Job, slot: Buffer): void {
  slot[0] = JOB_KINDS.indexOf(kind);
  slot[1] = TRANSPORTS.indexOf(transport);
  slot.writeUInt32LE(bytes.length, 4);
  slot.writeUInt32LE(origin, ORIGIN_AT);
  slot.writeUInt32LE(scan, SCAN_AT);
  if (session) slot.set(session, JOB_HEAD_BYTES);
  slot.set(bytes, JOB_BYTES_AT);
}

/** The job of a slot, as views of it. */
export function readJob(slot: Buffer): Job {
  const kind = JOB_KINDS[slot[0]!]!;
  return {
    kind,
    transport: TRANSPORTS[slot[1]!]!,
    session: kind === 'hello' ? undefined : slot.subarray(JOB_HEAD_BYTES, JOB_HEAD_BYTES + SESSION_RECORD_BYTES),
    scan: slot.readUInt32LE(SCAN_AT),
    bytes: slot.subarray(JOB_BYTES_AT, JOB_BYTES_AT + slot.readUInt32LE(4)),
    origin: slot.readUInt32LE(ORIGIN_AT),
  };
}

export function writeResult(result: WorkerResult, { open, ask, seal }: JobTimes, slot: Buffer): void {
  slot[0] = RESULT_KINDS.indexOf(result.kind);
  slot[2] = (result.kind === 'incomplete' ? undefined : REASON_PLACES.get(result.why!)) ?? NO_REASON;
  slot.writeFloatLE(open, TIMES_AT);
  slot.writeFloatLE(ask, TIMES_AT + 4);
  slot.writeFloatLE(seal, TIMES_AT + 8);
  slot[HELLO_AT] = result.kind === 'incomplete' ? 0 : result.rsaOperations;
  if (result.kind === 'incomplete') {
    slot.writeUInt32LE(result.scan, 4);
    slot.writeUInt32LE(result.needed, 8);
  }
  if (result.kind !== 'reply') return;
  if (result.previousKey) slot[HELLO_AT]! |= PREVIOUS_KEY;
  slot[1] = result.op;
  slot[3] = DIALECTS.indexOf(result.dialect);
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

/** Instead of a result: what went wrong with the job, which is a bug of ours. */
export function writeFailure(error: unknown, slot: Buffer): void {
  const text = Buffer.from(String(error)).subarray(0, FAILURE_BYTES_MAX);
  slot[0] = RESULT_KINDS.indexOf('failed');
  slot.writeUInt32LE(text.length, 8);
  slot.set(text, RESULT_BYTES_AT);
}

/** What went wrong; undefined if there is a result. */
export function readFailure(slot: Buffer): Error | undefined {
  if (RESULT_KINDS[slot[0]!] !== 'failed') return undefined;
  return new Error(slot.toString('utf8', RESULT_BYTES_AT, RESULT_BYTES_AT + slot.readUInt32LE(8)));
}

/** The result of a slot: its session record and its bytes are views of it. */
export function readResult(slot: Buffer): JobResult {
  const kind = RESULT_KINDS[slot[0]!] as JobResult['kind'];
  if (kind === 'incomplete') return { kind, scan: slot.readUInt32LE(4), needed: slot.readUInt32LE(8) };
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
    dialect: DIALECTS[slot[3]!]!,
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

/** Forgets the keys in a slot that nobody needs any more. */
export function wipeSlot(job: Buffer, response: Buffer): void {
  job.fill(0, 0, JOB_BYTES_AT);
  response.fill(0, 0, RESULT_BYTES_AT);
}
