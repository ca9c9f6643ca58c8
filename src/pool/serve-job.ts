// The data path in a worker: a job from raw bytes to a raw reply, or to the question that the coordinator has to answer
// first. Nothing is kept between jobs but what the registry itself is.
import type { KeyObject } from 'node:crypto';
import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import { BLOCK_BYTES } from '../limits.ts';
import type { Reply } from '../registry/command.ts';
import type { Answer, Question, Refused, Session, SessionContext, Step } from '../session/session.ts';
import { step } from '../session/step.ts';
import { decryptTail } from '../wire/aes-cbc.ts';
import type { RandomBytes, SessionKeys } from '../wire/dialect.ts';
import { DIALECTS } from '../wire/dialects.ts';
import { type DialectName, openHello } from '../wire/hello.ts';
import { decodeMessage, encodeMessage, isOp, Op } from '../wire/message.ts';
import { type ScanState, scanFrom, scanMessage, type UnfinishedScan } from '../wire/message-structure.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import { type Job, type JobIncomplete, NEVER_WHOLE, type WorkerResult } from './job.ts';
import { NO_SCAN, packScan, unpackScan } from './scan-codec.ts';
import { readSession } from './session-record.ts';

/** What a worker is told of its registry. */
export interface RegistryFacts extends Omit<SessionContext, 'random' | 'rosterBytesMax'> {
  readonly commsKey: KeyObject;
  /** The one before it, served while clients change over (H10); its modulus is as long. */
  readonly previousCommsKey?: KeyObject | undefined;
  /** Bytes a reply may have on the wire, by transport. */
  readonly replyBytesMax: { readonly tcp: number; readonly ws: number };
}

/** What serving a job needs. */
export interface JobContext {
  /** A Hello is tried under each: the current comms key, then the previous one, if there is one. */
  readonly helloKeys: readonly { readonly key: KeyObject; readonly modulus: Uint8Array }[];
  readonly version: number;
  readonly random: RandomBytes;
  readonly sessions: Readonly<Record<Job['transport'], Readonly<Record<DialectName, SessionContext>>>>;
}

export function jobContext(registry: RegistryFacts, random: RandomBytes): JobContext {
  const { commsKey, previousCommsKey, replyBytesMax, ...facts } = registry;
  const keys = previousCommsKey ? [commsKey, previousCommsKey] : [commsKey];
  const session = (bytesMax: number, dialect: DialectName): SessionContext => ({
    ...facts,
    random,
    rosterBytesMax: tokenRoom(bytesMax, DIALECTS[dialect].ivBytes),
  });
  const sessions = (bytesMax: number) => ({
    chained: session(bytesMax, 'chained'),
    prefixed: session(bytesMax, 'prefixed'),
  });
  return {
    helloKeys: keys.map((key) => ({ key, modulus: modulusOf(key) })),
    version: facts.version,
    random,
    sessions: { tcp: sessions(replyBytesMax.tcp), ws: sessions(replyBytesMax.ws) },
  };
}

/** A message on its way: opened, and waiting for the table. */
export interface PendingJob {
  readonly kind: 'asked';
  readonly opened: Opened;
  readonly question: Question;
}

/** A job whose message has been found. */
interface Opened {
  /** As the job brought it. */
  readonly before: Session;
  readonly session: Session;
  readonly op: number;
  readonly consumed: number;
}

export function serveJob(job: Job, context: JobContext): WorkerResult | PendingJob {
  return job.session ? serveMessage(job, readSession(job.session as Buffer), context) : serveHello(job, context);
}

/** Decrypt, find the message, decode it, and let the session say what it means. */
function serveMessage(job: Job, before: Session, context: JobContext): WorkerResult | PendingJob {
  const dialect = DIALECTS[before.keys.dialect];
  const blocks = job.bytes.subarray(0, job.bytes.length - (job.bytes.length % BLOCK_BYTES));
  if (job.scan !== NO_SCAN) {
    const unfinished = scanOn(before.keys, blocks, unpackScan(job.scan));
    if (unfinished) return unfinished;
  }
  const plain = dialect.decrypt(before.keys, blocks);
  const found = scanMessage(plain, scanFrom(dialect.ivBytes));
  if (job.transport === 'ws' && found.paddedEnd !== job.bytes.length) {
    return { kind: 'silent', why: 'message-undecodable', rsaOperations: 0 };
  }
  if (found.end === undefined) return incomplete(found, 0);

  const consumed = found.paddedEnd;
  const session = withKeys(before, dialect.received(before.keys, blocks.subarray(0, consumed)));
  const opened = { before, session, op: isOp(found.op) ? found.op : 0, consumed };
  if (!isOp(found.op)) return seal(opened, { kind: 'refused', why: 'tag-out-of-range' }, context);
  const message = decodeMessage(plain.subarray(dialect.ivBytes, found.end));
  if (message === undefined) return { kind: 'silent', why: 'message-undecodable', rsaOperations: 0 };

  const next: Step =
    job.kind === 'refuse' && found.op !== Op.Bye
      ? { kind: 'refused', why: 'shutting-down' }
      : step(session, found.op, message, context.sessions[job.transport][before.keys.dialect]);
  return next.kind === 'question' ? { kind: 'asked', opened, question: next } : seal(opened, next, context);
}

/**
 * Goes on where the last attempt on the message stopped; undefined if the message is whole. Decrypts from there only, so
 * the attempts on a message cost in proportion to its bytes, in however many segments it comes (F5).
 */
function scanOn(keys: SessionKeys, blocks: Uint8Array, state: ScanState): JobIncomplete | undefined {
  const from = state.at - (state.at % BLOCK_BYTES);
  const tail = from === 0 ? DIALECTS[keys.dialect].decrypt(keys, blocks) : decryptTail(keys.key2, blocks, from);
  const scanned = scanMessage(tail, { ...state, at: state.at - from });
  return scanned.end === undefined ? incomplete(scanned, from) : undefined;
}

/** What a scan that began `from` bytes behind the beginning leaves for the next one. */
function incomplete({ state, needed }: UnfinishedScan, from: number): JobIncomplete {
  const scan = packScan({ ...state, at: from + state.at });
  return { kind: 'incomplete', scan, needed: Math.min(from + needed, NEVER_WHOLE) };
}

/** What the table's reply makes of a message. */
export function conclude({ opened, question }: PendingJob, reply: Reply, context: JobContext): WorkerResult {
  return seal(opened, question.conclude(reply), context);
}

/** Encode and encrypt an answer, or the Error that ends the session. */
function seal(opened: Opened, conclusion: Answer | Refused, context: JobContext): WorkerResult {
  const { before, op, consumed } = opened;
  const answer: Answer =
    conclusion.kind === 'answer'
      ? conclusion
      : {
          kind: 'answer',
          message: { Op: Op.Error, ErrDesc: textOf(conclusion.why) },
          session: opened.session,
          end: conclusion.why,
        };
  const { keys } = answer.session;
  const plain = [encodeMessage(answer.message), ...(answer.roster ? [answer.roster] : [])];
  const sealed = DIALECTS[keys.dialect].encrypt(keys, context.random, ...plain);
  const after = withKeys(answer.session, sealed.keys);
  const session = after === before ? undefined : after;
  const { clientName, clientEnds, end: why } = answer;
  const { dialect } = keys;
  const client = { clientName, clientEnds };
  return { kind: 'reply', ...NO_HELLO, op, ...client, dialect, bytes: sealed.bytes, consumed, session, why };
}

function withKeys(session: Session, keys: SessionKeys): Session {
  return keys === session.keys ? session : { ...session, keys };
}

/** The RSA operation, and the keys of a new session. What fails under one key is tried under the other (H10). */
function serveHello(job: Job, { helloKeys, version, random }: JobContext): WorkerResult {
  let fault: Fault = 'hello-length';
  let rsaOperations = 0;
  for (const [place, { key, modulus }] of helloKeys.entries()) {
    const hello = openHello(key, modulus, job.bytes);
    if (hello !== 'hello-length' && hello !== 'hello-out-of-range') rsaOperations += 1;
    if (typeof hello === 'string') {
      if (place === 0) fault = hello;
      continue;
    }
    const { dialect } = hello;
    const { bytes, keys, salt2 } = DIALECTS[dialect].sealHelloReply(hello, version, random);
    const session: Session = { state: 'anonymous', keys, salt2 };
    const [cost, consumed] = [{ rsaOperations, previousKey: place > 0 }, job.bytes.length];
    const reply = { op: 0, ...NO_CLIENT, dialect, bytes, consumed, session, why: undefined };
    return { kind: 'reply', ...cost, ...reply };
  }
  return { kind: 'silent', why: fault, rsaOperations };
}

const NO_CLIENT = { clientName: undefined, clientEnds: undefined };
const NO_HELLO = { rsaOperations: 0, previousKey: false };

/** Bytes of Op, ClusterID, ClusterSize and Which of a ClusterMembers message, at most. */
const ROSTER_HEAD_BYTES = 2 + 34 + 2 + 12;

/** Bytes of tokens that fit into a reply of so many bytes on the wire, at least one byte of padding included. */
function tokenRoom(replyBytesMax: number, ivBytes: number): number {
  return replyBytesMax - (replyBytesMax % BLOCK_BYTES) - ivBytes - 1 - ROSTER_HEAD_BYTES;
}

function textOf(why: Fault | Refusal): string {
  const text = why in FAULT_TEXT ? FAULT_TEXT[why as Fault] : REFUSAL_TEXT[why as Refusal];
  if (text === null) throw new Error(`${why} is never told`);
  return text;
}
