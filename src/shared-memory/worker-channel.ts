// The memory that the main thread, one worker of the pool and the coordinator share. A job lives in a slot: the main thread
// writes it and puts the slot's number on a queue to the worker; the worker asks the coordinator, and in the end answers,
// by putting the same number on other queues. A thread touches a slot only while it holds its number. Nothing is cloned, and
// nothing is allocated for a job.
import { MESSAGE_BYTES_MAX, SLOTS_PER_WORKER } from '../limits.ts';
import { Parker } from './parker.ts';
import { SharedThreadStats } from './shared-thread-stats.ts';
import { SpscQueue } from './spsc-queue.ts';

/** What makes a channel, and crosses to the threads that use it. */
export interface ChannelMemory {
  readonly memory: SharedArrayBuffer;
  readonly replyBytesMax: number;
}

/** Beside the bytes of a message, or of a reply: heads, a session record, the fields of a command or an answer. */
const MARGIN_BYTES = 1_024;
const PARKER_BYTES = 64;
/** Of them the parker has the first four, and the readings the second half. */
const READINGS_AT = 32;
const QUEUE_BYTES = SpscQueue.bytes(SLOTS_PER_WORKER);
const QUEUES = 5;
const SLOTS_AT = PARKER_BYTES + QUEUES * QUEUE_BYTES;
const JOB_BYTES = MESSAGE_BYTES_MAX + MARGIN_BYTES;

/** Bytes of the part of a slot that question, answer and result take turns in: the largest of them, a token at least. */
function responseBytes(replyBytesMax: number): number {
  return Math.max(replyBytesMax, MESSAGE_BYTES_MAX) + 2 * MARGIN_BYTES;
}

/** Memory for a channel whose replies have at most so many bytes. Pages of it that no reply ever reaches stay unused. */
export function newChannelMemory(replyBytesMax: number): ChannelMemory {
  const bytes = SLOTS_AT + SLOTS_PER_WORKER * (JOB_BYTES + responseBytes(replyBytesMax));
  return { memory: new SharedArrayBuffer(bytes), replyBytesMax };
}

/** A thread's view of a channel. */
export class WorkerChannel {
  /** The worker's. */
  readonly parker: Parker;
  /** What the worker tells of itself. */
  readonly stats: SharedThreadStats;
  /** From the main thread to the worker, session messages apart from Hellos. */
  readonly messages: SpscQueue;
  readonly hellos: SpscQueue;
  /** From the worker to the coordinator, and back. */
  readonly questions: SpscQueue;
  readonly answers: SpscQueue;
  /** From the worker to the main thread. */
  readonly results: SpscQueue;
  /** By slot: what the worker is to do, from the main thread; it stands until the result is out. */
  readonly jobs: readonly Buffer[];
  /** By slot: the question, then its answer, then the result. */
  readonly responses: readonly Buffer[];

  constructor({ memory, replyBytesMax }: ChannelMemory) {
    this.parker = new Parker(memory);
    this.stats = new SharedThreadStats(memory, READINGS_AT);
    const queues = Array.from(
      { length: QUEUES },
      (_, place) => new SpscQueue(memory, PARKER_BYTES + place * QUEUE_BYTES, SLOTS_PER_WORKER),
    );
    [this.messages, this.hellos, this.questions, this.answers, this.results] = queues as [
      SpscQueue,
      SpscQueue,
      SpscQueue,
      SpscQueue,
      SpscQueue,
    ];
    const parts = (at: number, bytes: number) =>
      Array.from({ length: SLOTS_PER_WORKER }, (_, slot) => Buffer.from(memory, at + slot * bytes, bytes));
    this.jobs = parts(SLOTS_AT, JOB_BYTES);
    this.responses = parts(SLOTS_AT + SLOTS_PER_WORKER * JOB_BYTES, responseBytes(replyBytesMax));
  }
}
