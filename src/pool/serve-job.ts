// Stages 2 and 5, worker, parallel: turns a job into an encrypted reply, or into a command for the coordinator first.
// It is stateless: nothing but the registry's keys and settings outlives a job. worker.ts works the queues.
import type { KeyObject } from 'node:crypto';
import { ERROR_CODES, FAULT_TEXT, type Fault, REFUSAL_TEXT, RETRY_AFTER_MS, type Refusal } from '../errors.ts';
import { BLOCK_BYTES } from '../limits.ts';
import type { Reply } from '../registry/command.ts';
import type { Answer, AnyKeys, Question, Refused, Session, SessionContext, Step, Waiting } from '../session/session.ts';
import { resume, step } from '../session/step.ts';
import { decryptTail } from '../wire/aes-cbc.ts';
import type { RandomBytes, SessionKeys } from '../wire/dialect.ts';
import { DIALECTS } from '../wire/dialects.ts';
import { type DialectName, openHello, SESSION_DIALECTS, type SessionDialect } from '../wire/hello.ts';
import { decodeMessage, encodeMessage, isOldOp, isOp, longOf, type Message, Op } from '../wire/message.ts';
import { type ScanState, scanFrom, scanMessage, type UnfinishedScan } from '../wire/message-structure.ts';
import { modulusOf } from '../wire/rsa-key.ts';
import { encryptReply, type SealedKeys } from '../wire/sealed-keys.ts';
import { type Job, type JobIncomplete, NEVER_WHOLE, type WorkerResult } from './job.ts';
import { RosterSigner } from './roster-signer.ts';
import { NO_SCAN, packScan, unpackScan } from './scan-codec.ts';
import { SealKeyReader } from './seal-key.ts';
import { openSealed, type SealedContext, serveSealedHello } from './serve-sealed.ts';
import { readSession } from './session-record.ts';

/** Keys and settings of the registry that a worker needs. */
export interface RegistryFacts
  extends Omit<SessionContext, 'random' | 'now' | 'rosterBytesMax' | 'maxWaitMs' | 'signRoster'> {
  readonly commsKey: KeyObject;
  /** The previous comms key, accepted until all clients have the current one (H10). Its modulus has the same length. */
  readonly previousCommsKey?: KeyObject | undefined;
  /** The dialects that are served; all by default. */
  readonly dialects?: readonly SessionDialect[] | undefined;
  /** Present if the sealed dialect is served. */
  readonly sealed?: SealedFacts | undefined;
  /** Maximum bytes of a reply on the wire, by transport. In the sealed dialect the one of `ws` holds for both. */
  readonly replyBytesMax: { readonly tcp: number; readonly ws: number };
}

/** Keys and settings that a worker needs for the sealed dialect. */
export interface SealedFacts {
  readonly mac1Key: Uint8Array;
  /** Memory of s. */
  readonly sealKey: SharedArrayBuffer;
  /** sk, which signs rosters to keep. */
  readonly sigKey: KeyObject;
  /** Longest wait of a GetCluster in milliseconds, as the certificate of s tells it; 0, the default, if none waits. */
  readonly maxWaitMs?: number | undefined;
}

/** Context of `serveJob`, the same for all jobs of a worker. */
export interface JobContext {
  /** Comms keys in the order to try: the current one, then the previous one if there is one. */
  readonly helloKeys: readonly { readonly key: KeyObject; readonly modulus: Uint8Array }[];
  readonly version: number;
  readonly random: RandomBytes;
  readonly sessions: Readonly<Record<Job['transport'], Readonly<Record<SessionDialect, SessionContext>>>>;
  readonly dialects: ReadonlySet<SessionDialect>;
  /** Undefined if the sealed dialect is not served. */
  readonly sealed: SealedContext | undefined;
}

export function jobContext(registry: RegistryFacts, random: RandomBytes): JobContext {
  const { commsKey, previousCommsKey, replyBytesMax, dialects = SESSION_DIALECTS, sealed, ...facts } = registry;
  const keys = previousCommsKey ? [commsKey, previousCommsKey] : [commsKey];
  const session = (bytesMax: number, dialect: DialectName): SessionContext => ({
    ...facts,
    random,
    now: Date.now,
    rosterBytesMax: tokenRoom(bytesMax, DIALECTS[dialect].ivBytes),
    maxWaitMs: 0,
  });
  const signer = sealed && new RosterSigner(sealed.sigKey);
  const signRoster = signer && ((body: Uint8Array) => signer.sign(body));
  const sessions = (bytesMax: number) => ({
    chained: session(bytesMax, 'chained'),
    prefixed: session(bytesMax, 'prefixed'),
    // The handshake has proved sk, so the token needs no signature.
    sealed: {
      ...session(replyBytesMax.ws, 'prefixed'),
      registryToken: { ...facts.registryToken, DigSig: null },
      maxWaitMs: sealed?.maxWaitMs ?? 0,
      signRoster,
    },
  });
  return {
    helloKeys: keys.map((key) => ({ key, modulus: modulusOf(key) })),
    version: facts.version,
    random,
    sessions: { tcp: sessions(replyBytesMax.tcp), ws: sessions(replyBytesMax.ws) },
    dialects: new Set(dialects),
    sealed: sealed && { mac1Key: sealed.mac1Key, sealKey: new SealKeyReader(sealed.sealKey) },
  };
}

/** A job whose message waits for the coordinator's reply. */
export interface PendingJob {
  readonly kind: 'pending';
  readonly opened: Opened;
  readonly question: Question;
}

/** A job whose message has been decrypted. */
interface Opened {
  /** The session before this message. */
  readonly before: Session;
  readonly session: Session;
  readonly op: number;
  readonly consumed: number;
  readonly transport: Job['transport'];
}

export function serveJob(job: Job, context: JobContext): WorkerResult | PendingJob {
  if (job.kind === 'sealed-hello') return serveSealedHello(job, context.sealed!, context.random);
  if (!job.session) return serveHello(job, context);
  const session = heard(readSession(job.session as Buffer), job.early);
  const { keys } = session;
  if (job.kind === 'resume' || job.kind === 'resume-last') return serveResume(job, session, context);
  return keys.dialect === 'sealed'
    ? serveFrame(job, session, keys, context)
    : serveMessage(job, session, keys, context);
}

/** A message that had begun to arrive before the last reply was written does not confirm the round of that reply (Q5). */
function heard(session: Session, early = false): Session {
  if (!early || session.state !== 'identified' || session.toldRound === undefined) return session;
  return { ...session, toldRound: undefined };
}

/** Stage 2 of a sealed frame, which is one message. */
function serveFrame(job: Job, before: Session, keys: SealedKeys, context: JobContext): WorkerResult | PendingJob {
  const found = openSealed(keys, job.bytes);
  if ('kind' in found) return found;
  const { op, message } = found;
  const [session, consumed] = [{ ...before, keys: found.keys }, job.bytes.length];
  const opened: Opened = { before, session, op, consumed, transport: job.transport };
  if (!isOp(op) || !message) return seal(opened, { kind: 'refused', why: 'tag-out-of-range' }, context);
  return take(job, opened, op, message, context);
}

/** Stage 2 of a GetCluster that has waited. Its bytes are plain, and its message was consumed before the wait. */
function serveResume(job: Job, session: Session, context: JobContext): WorkerResult | PendingJob {
  const message = decodeMessage(job.bytes)!;
  const opened: Opened = { before: session, session, op: Op.GetCluster, consumed: 0, transport: job.transport };
  const next = resume(session, message, context.sessions[job.transport].sealed, job.kind === 'resume-last');
  return next.kind === 'question' ? { kind: 'pending', opened, question: next } : seal(opened, next, context);
}

/** The last step of stage 2: what the session does with a message. */
function take(job: Job, opened: Opened, op: Op, message: Message, context: JobContext): WorkerResult | PendingJob {
  const { session } = opened;
  const next: Step =
    job.kind === 'refuse' && op !== Op.Bye
      ? { kind: 'refused', why: 'shutting-down' }
      : step(session, op, message, context.sessions[job.transport][session.keys.dialect]);
  return next.kind === 'question' ? { kind: 'pending', opened, question: next } : seal(opened, next, context);
}

/** Stage 2 of a message: decrypts it, finds its end, decodes it, and takes the session's next step. */
function serveMessage(job: Job, before: Session, keys: SessionKeys, context: JobContext): WorkerResult | PendingJob {
  const dialect = DIALECTS[keys.dialect];
  const blocks = job.bytes.subarray(0, job.bytes.length - (job.bytes.length % BLOCK_BYTES));
  if (job.scan !== NO_SCAN) {
    const unfinished = scanOn(keys, blocks, unpackScan(job.scan));
    if (unfinished) return unfinished;
  }
  const plain = dialect.decrypt(keys, blocks);
  const found = scanMessage(plain, scanFrom(dialect.ivBytes));
  if (job.transport === 'ws' && found.paddedEnd !== job.bytes.length) {
    return { kind: 'silent', why: 'message-undecodable', rsaOperations: 0 };
  }
  if (found.end === undefined) return incomplete(found, 0);

  const consumed = found.paddedEnd;
  const session = withKeys(before, dialect.received(keys, blocks.subarray(0, consumed)));
  const opened = { before, session, op: isOldOp(found.op) ? found.op : 0, consumed, transport: job.transport };
  if (!isOldOp(found.op)) return seal(opened, { kind: 'refused', why: 'tag-out-of-range' }, context);
  const message = decodeMessage(plain.subarray(dialect.ivBytes, found.end));
  if (message === undefined) return { kind: 'silent', why: 'message-undecodable', rsaOperations: 0 };
  return take(job, opened, found.op, message, context);
}

/**
 * Continues the scan where the last attempt stopped. Returns undefined if the message is whole. Decrypts only from
 * there. So the cost of all attempts on a message is linear in its bytes, in any number of segments (F5).
 */
function scanOn(keys: SessionKeys, blocks: Uint8Array, state: ScanState): JobIncomplete | undefined {
  const from = state.at - (state.at % BLOCK_BYTES);
  const tail = from === 0 ? DIALECTS[keys.dialect].decrypt(keys, blocks) : decryptTail(keys.key2, blocks, from);
  const scanned = scanMessage(tail, { ...state, at: state.at - from });
  return scanned.end === undefined ? incomplete(scanned, from) : undefined;
}

/** The result of an unfinished scan that began at byte `from` of the message. */
function incomplete({ state, needed }: UnfinishedScan, from: number): JobIncomplete {
  const scan = packScan({ ...state, at: from + state.at });
  return { kind: 'incomplete', scan, needed: Math.min(from + needed, NEVER_WHOLE) };
}

/** Stage 5: turns the coordinator's reply into the result of a pending job. */
export function conclude({ opened, question }: PendingJob, reply: Reply, context: JobContext): WorkerResult {
  const conclusion = question.conclude(reply);
  return conclusion.kind === 'waiting' ? park(opened, conclusion) : seal(opened, conclusion, context);
}

/** Stage 5 of a request that waits: what the front end needs to resume it. */
function park({ before, session, consumed }: Opened, { request, ...waiting }: Waiting): WorkerResult {
  const changed = session === before ? undefined : session;
  return { consumed, session: changed, request: encodeMessage(request), ...NO_HELLO, ...waiting };
}

/**
 * Stage 5, or the end of stage 2 without a command: encodes and encrypts an answer, or the Error message of a refusal.
 */
function seal(opened: Opened, conclusion: Answer | Refused, context: JobContext): WorkerResult {
  const { before, op, consumed } = opened;
  const answer: Answer =
    conclusion.kind === 'answer'
      ? conclusion
      : {
          kind: 'answer',
          message: errorMessage(conclusion, opened.session.keys.dialect),
          session: opened.session,
          end: conclusion.why,
        };
  const { keys } = answer.session;
  const plain = [encodeMessage(answer.message), ...(answer.roster ? [answer.roster] : [])];
  const sealed =
    keys.dialect === 'sealed'
      ? encryptReply(keys, opened.transport, ...plain)
      : DIALECTS[keys.dialect].encrypt(keys, context.random, ...plain);
  const { clientName, clientEnds, end: why } = answer;
  const after = withKeys(answer.session, sealed.keys);
  // A session that ends with this reply needs no record.
  const session = after === before || why !== undefined ? undefined : after;
  const { dialect } = keys;
  const client = { clientName, clientEnds };
  return { kind: 'reply', ...NO_HELLO, op, ...client, dialect, bytes: sealed.bytes, consumed, session, why };
}

function withKeys(session: Session, keys: AnyKeys): Session {
  return keys === session.keys ? session : { ...session, keys };
}

/** Stages 2 and 5 of a Hello: decrypts it with RSA and makes the session's keys. Tries each comms key in turn (H10). */
function serveHello(job: Job, { helloKeys, version, random, dialects }: JobContext): WorkerResult {
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
    // A dialect that is off ends as a Hello that does not decrypt (H3).
    if (!dialects.has(dialect)) return { kind: 'silent', why: 'hello-plaintext-length', rsaOperations };
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

/** Maximum bytes of Op, ClusterID, ClusterSize and Which of a ClusterMembers message. */
const ROSTER_HEAD_BYTES = 2 + 34 + 2 + 12;

/** Bytes of tokens that fit into a reply of `replyBytesMax` bytes on the wire, beside at least one byte of padding. */
function tokenRoom(replyBytesMax: number, ivBytes: number): number {
  return replyBytesMax - (replyBytesMax % BLOCK_BYTES) - ivBytes - 1 - ROSTER_HEAD_BYTES;
}

/** The sealed dialect also tells the error's number, and whether a retry is worthwhile (E7). */
function errorMessage({ why, recordedSeq, retryAfterMs: rest }: Refused, dialect: SessionDialect): Message {
  const message = { Op: Op.Error, ErrDesc: textOf(why) };
  if (dialect !== 'sealed') return message;
  const retryAfterMs = rest ?? RETRY_AFTER_MS[why];
  return {
    ...{ ...message, Code: ERROR_CODES[why]!, Retryable: retryAfterMs !== undefined },
    ...(retryAfterMs !== undefined && { RetryAfterMs: retryAfterMs }),
    ...(recordedSeq !== undefined && { RecordedSeq: longOf(BigInt(recordedSeq)) }),
  };
}

function textOf(why: Fault | Refusal): string {
  const text = why in FAULT_TEXT ? FAULT_TEXT[why as Fault] : REFUSAL_TEXT[why as Refusal];
  if (text === null) throw new Error(`${why} has no text for peers: it is a silent close`);
  return text;
}
