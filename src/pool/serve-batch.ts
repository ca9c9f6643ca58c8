// The data path in a worker: a batch of jobs from raw bytes to raw replies. Session messages come first and their
// questions go to the coordinator in one message; the Hellos, an RSA operation each, are served while it works.
// Invariant: nothing is kept between batches but what the registry itself is.
import type { KeyObject } from 'node:crypto';
import { FAULT_TEXT, type Fault, REFUSAL_TEXT, type Refusal } from '../errors.ts';
import { BLOCK_BYTES } from '../limits.ts';
import type { Command, Reply } from '../registry/command.ts';
import type { Answer, Question, Refused, Session, SessionContext, Step } from '../session/session.ts';
import { step } from '../session/step.ts';
import { DIALECTS } from '../wire/dialects.ts';
import { openHello } from '../wire/hello.ts';
import { decodeMessage, encodeMessage, isOp, Op } from '../wire/message.ts';
import { findMessage } from '../wire/message-structure.ts';
import { type BatchResult, type Job, packResults, sessionOf, unpackJobs, type WorkerResult } from './job.ts';

/** What a worker knows of its registry. */
export interface BatchContext extends Omit<SessionContext, 'rosterBytesMax'> {
  readonly commsKey: KeyObject;
  /** Of commsKey, big-endian. */
  readonly modulus: Uint8Array;
  /** Bytes a reply may have on the wire, by transport. */
  readonly replyBytesMax: { readonly tcp: number; readonly ws: number };
  /** Replies in the order of the commands. */
  ask(commands: readonly Command[]): Promise<readonly Reply[]>;
}

/** A message on its way: opened, and waiting for the table. */
interface Asked {
  readonly index: number;
  readonly opened: Opened;
  readonly question: Question;
}

/** A job whose message has been found. */
interface Opened {
  readonly session: Session;
  readonly op: number;
  readonly consumed: number;
}

export async function serveBatch(batch: Uint8Array, context: BatchContext): Promise<BatchResult> {
  const started = performance.now();
  const jobs = unpackJobs(batch);
  const results: WorkerResult[] = new Array(jobs.length);

  const asked: Asked[] = [];
  for (const [index, job] of jobs.entries()) {
    if (job.kind === 'hello') continue;
    const served = serveMessage(job, context);
    if ('question' in served) asked.push({ index, ...served });
    else results[index] = served;
  }
  const opened = performance.now();
  const answers = asked.length > 0 ? context.ask(asked.map(({ question }) => question.command)) : [];

  for (const [index, job] of jobs.entries()) {
    if (job.kind === 'hello') results[index] = serveHello(job, context);
  }
  const greeted = performance.now();

  const replies = await answers;
  const answered = performance.now();
  for (const [place, { index, opened, question }] of asked.entries()) {
    results[index] = seal(opened, question.conclude(replies[place]!), context);
  }
  const packed = packResults(results);
  const times = {
    open: (opened - started) / 1000,
    hello: (greeted - opened) / 1000,
    ask: (answered - opened) / 1000,
    seal: (performance.now() - answered) / 1000,
  };
  return { results: packed, times };
}

/** Decrypt, find the message, decode it, and let the session say what it means. */
function serveMessage(job: Job, context: BatchContext): WorkerResult | { opened: Opened; question: Question } {
  const before = sessionOf(job);
  const dialect = DIALECTS[before.keys.dialect];
  const blocks = job.bytes.subarray(0, job.bytes.length - (job.bytes.length % BLOCK_BYTES));
  const plain = dialect.decrypt(before.keys, blocks);
  const found = findMessage(plain, dialect.ivBytes);
  if (job.transport === 'ws' && found?.paddedEnd !== job.bytes.length) {
    return { kind: 'silent', why: 'message-undecodable' };
  }
  if (found === undefined) return { kind: 'incomplete' };

  const consumed = found.paddedEnd;
  const session = { ...before, keys: dialect.received(before.keys, blocks.subarray(0, consumed)) };
  const opened = { session, op: isOp(found.op) ? found.op : 0, consumed };
  if (!isOp(found.op)) return seal(opened, { kind: 'refused', why: 'tag-out-of-range' }, context);
  const message = decodeMessage(plain.subarray(dialect.ivBytes, found.end));
  if (message === undefined) return { kind: 'silent', why: 'message-undecodable' };

  const rosterBytesMax = tokenRoom(context.replyBytesMax[job.transport], dialect.ivBytes);
  const next: Step =
    job.kind === 'refuse' && found.op !== Op.Bye
      ? { kind: 'refused', why: 'shutting-down' }
      : step(session, found.op, message, { ...context, rosterBytesMax });
  return next.kind === 'question' ? { opened, question: next } : seal(opened, next, context);
}

/** Encode and encrypt an answer, or the Error that ends the session. */
function seal(opened: Opened, conclusion: Answer | Refused, context: BatchContext): WorkerResult {
  const { op, consumed } = opened;
  const answer =
    conclusion.kind === 'answer'
      ? conclusion
      : { message: { Op: Op.Error, ErrDesc: textOf(conclusion.why) }, session: opened.session, end: conclusion.why };
  const { keys } = answer.session;
  const encoded = encodeMessage(answer.message);
  const plain = 'roster' in answer ? Buffer.concat([encoded, answer.roster!]) : encoded;
  const sealed = DIALECTS[keys.dialect].encrypt(keys, plain, context.random);
  const session = { ...answer.session, keys: sealed.keys };
  return { kind: 'reply', op, dialect: keys.dialect, bytes: sealed.bytes, consumed, session, why: answer.end };
}

/** The RSA operation, and the keys of a new session. */
function serveHello(job: Job, context: BatchContext): WorkerResult {
  const hello = openHello(context.commsKey, context.modulus, job.bytes);
  if (typeof hello === 'string') return { kind: 'silent', why: hello };
  const { bytes, keys, salt2 } = DIALECTS[hello.dialect].sealHelloReply(hello, context.version, context.random);
  const session: Session = { state: 'anonymous', keys, salt2 };
  return { kind: 'reply', op: 0, dialect: hello.dialect, bytes, consumed: job.bytes.length, session, why: undefined };
}

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
