// All that crosses between front end and pool: a batch of jobs in one buffer on the way in, a batch of results in one
// buffer on the way out, in the same order. One buffer, because every further object costs both threads more than its
// bytes do.
//
//   batch  = job*
//   job    = kind(1) transport(1) length(4) [session record, unless kind is hello] bytes(length)
//   results = result*
//   result = kind(1) op(1) why(1) dialect(1) consumed(4) length(4) [session record, if kind is reply] bytes(length)
import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import type { Session } from '../session/session.ts';
import type { DialectName } from '../wire/hello.ts';
import { readSession, SESSION_RECORD_BYTES, writeSession } from './session-record.ts';

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
  readonly bytes: Uint8Array;
}

/** Why a session ends. */
export type EndReason = 'bye' | Fault | Refusal;

/** What became of a job. */
export type JobResult =
  /** The message is not yet whole (or never will be: nobody can tell). */
  | { readonly kind: 'incomplete' }
  /** Close without a word. */
  | { readonly kind: 'silent'; readonly why: Fault }
  | JobReply;

export interface JobReply {
  readonly kind: 'reply';
  /** Op of the message that is answered, 0 for a Hello or an Op out of range. */
  readonly op: number;
  readonly dialect: DialectName;
  /** To be sent in one write. */
  readonly bytes: Uint8Array;
  /** Bytes of the job that the message took. */
  readonly consumed: number;
  /** Present if the session ends with this reply. */
  readonly why: EndReason | undefined;
}

/** What a batch took, in seconds: for histograms. */
export interface BatchTimes {
  /** RSA, AES, protobuf and signatures of session messages, up to the questions. */
  readonly open: number;
  /** All Hellos of the batch. */
  readonly hello: number;
  /** From the question to the coordinator until its answer, Hellos served meanwhile included. */
  readonly ask: number;
  /** From the answer to the encrypted replies. */
  readonly seal: number;
}

/** What a pool call returns. */
export interface BatchResult {
  readonly results: Uint8Array;
  readonly times: BatchTimes;
}

const JOB_KINDS = ['hello', 'message', 'refuse'] as const;
const TRANSPORTS = ['tcp', 'ws'] as const;
const RESULT_KINDS = ['incomplete', 'silent', 'reply'] as const;
const DIALECTS = ['chained', 'prefixed'] as const;
const REASONS = ['bye', ...Object.keys(FAULT_TEXT), ...Object.keys(REFUSAL_TEXT)] as EndReason[];
const NO_REASON = 255;
const JOB_HEAD_BYTES = 6;
const RESULT_HEAD_BYTES = 12;

/** Packs jobs into one buffer that nothing else shares. */
export function packJobs(jobs: readonly Job[]): Uint8Array {
  let length = 0;
  for (const { session, bytes } of jobs) length += JOB_HEAD_BYTES + (session?.length ?? 0) + bytes.length;
  const packed = Buffer.from(new ArrayBuffer(length));
  let at = 0;
  for (const { kind, transport, session, bytes } of jobs) {
    packed[at] = JOB_KINDS.indexOf(kind);
    packed[at + 1] = TRANSPORTS.indexOf(transport);
    packed.writeUInt32LE(bytes.length, at + 2);
    at += JOB_HEAD_BYTES;
    if (session) {
      packed.set(session, at);
      at += session.length;
    }
    packed.set(bytes, at);
    at += bytes.length;
  }
  return packed;
}

/** The jobs of a batch, as views of it. */
export function unpackJobs(batch: Uint8Array): Job[] {
  const packed = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  const jobs: Job[] = [];
  for (let at = 0; at < packed.length; ) {
    const kind = JOB_KINDS[packed[at]!]!;
    const transport = TRANSPORTS[packed[at + 1]!]!;
    const length = packed.readUInt32LE(at + 2);
    at += JOB_HEAD_BYTES;
    const sessionBytes = kind === 'hello' ? 0 : SESSION_RECORD_BYTES;
    const session = kind === 'hello' ? undefined : packed.subarray(at, at + sessionBytes);
    at += sessionBytes;
    jobs.push({ kind, transport, session, bytes: packed.subarray(at, at + length) });
    at += length;
  }
  return jobs;
}

/** A result as a worker has it: the session not yet packed. */
export type WorkerResult = Exclude<JobResult, JobReply> | (JobReply & { readonly session: Session });

/** Packs results into one buffer that nothing else shares. */
export function packResults(results: readonly WorkerResult[]): Uint8Array {
  let length = 0;
  for (const result of results) {
    length += RESULT_HEAD_BYTES + (result.kind === 'reply' ? SESSION_RECORD_BYTES + result.bytes.length : 0);
  }
  const packed = Buffer.from(new ArrayBuffer(length));
  let at = 0;
  for (const result of results) {
    packed[at] = RESULT_KINDS.indexOf(result.kind);
    packed[at + 2] = result.kind === 'incomplete' || !result.why ? NO_REASON : REASONS.indexOf(result.why);
    if (result.kind === 'reply') {
      packed[at + 1] = result.op;
      packed[at + 3] = DIALECTS.indexOf(result.dialect);
      packed.writeUInt32LE(result.consumed, at + 4);
      packed.writeUInt32LE(result.bytes.length, at + 8);
      writeSession(result.session, packed, at + RESULT_HEAD_BYTES);
      packed.set(result.bytes, at + RESULT_HEAD_BYTES + SESSION_RECORD_BYTES);
      at += SESSION_RECORD_BYTES + result.bytes.length;
    }
    at += RESULT_HEAD_BYTES;
  }
  return packed;
}

/** The results of a batch with their session records, as views of it. */
export function unpackResults(batch: Uint8Array): (JobResult & { readonly session?: Uint8Array })[] {
  const packed = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
  const results: (JobResult & { session?: Uint8Array })[] = [];
  for (let at = 0; at < packed.length; ) {
    const head = at;
    const kind = RESULT_KINDS[packed[head]!]!;
    const why = REASONS[packed[head + 2]!];
    at += RESULT_HEAD_BYTES;
    if (kind === 'incomplete') results.push({ kind });
    else if (kind === 'silent') results.push({ kind, why: why as Fault });
    else {
      const bytesAt = at + SESSION_RECORD_BYTES;
      const bytes = packed.subarray(bytesAt, bytesAt + packed.readUInt32LE(head + 8));
      results.push({
        kind,
        op: packed[head + 1]!,
        why,
        dialect: DIALECTS[packed[head + 3]!]!,
        consumed: packed.readUInt32LE(head + 4),
        session: packed.subarray(at, bytesAt),
        bytes,
      });
      at = bytesAt + bytes.length;
    }
  }
  return results;
}

/** Decodes the session record of a message job. */
export function sessionOf(job: Job): Session {
  return readSession(job.session as Buffer);
}
