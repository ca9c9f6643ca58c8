// The memory that the front end, one worker and the coordinator share: slots for jobs, and SPSC queues of slot numbers.
//
//   front end ─ messages, hellos ─► worker ─ questions ─► coordinator ─ answers ─► worker ─ results ─► front end
//   stage 1                         2                     3, 4                     5                   6
//
// A thread touches a slot only while it holds the slot's number. A job needs neither a clone nor an allocation.
// docs/explanation/concurrency.md has the memory-order argument.
import { MESSAGE_BYTES_MAX, SLOTS_PER_WORKER } from '../limits.ts';
import { Parker } from './parker.ts';
import { SharedThreadStats } from './shared-thread-stats.ts';
import { SpscQueue } from './spsc-queue.ts';

/** The memory of a channel and its one parameter, for the constructor of WorkerChannel in each thread. */
export interface ChannelMemory {
  readonly memory: SharedArrayBuffer;
  readonly replyBytesMax: number;
}

/** Room beside a message or a reply for the head, the session record, and the fields of a command or an answer. */
const MARGIN_BYTES = 1_024;
/** One cache line: the parker in its first 4 bytes, the stats in its second half. */
const PARKER_BYTES = 64;
const STATS_AT = 32;
const QUEUE_BYTES = SpscQueue.bytes(SLOTS_PER_WORKER);
const QUEUES = 5;
const SLOTS_AT = PARKER_BYTES + QUEUES * QUEUE_BYTES;
const JOB_BYTES = MESSAGE_BYTES_MAX + MARGIN_BYTES;

/** Bytes of a slot's response part, which holds command, answer and result in turn. A token must fit. */
function responseBytes(replyBytesMax: number): number {
  return Math.max(replyBytesMax, MESSAGE_BYTES_MAX) + 2 * MARGIN_BYTES;
}

/** Memory for a channel whose replies have at most `replyBytesMax` bytes. The OS never commits untouched pages. */
export function newChannelMemory(replyBytesMax: number): ChannelMemory {
  const bytes = SLOTS_AT + SLOTS_PER_WORKER * (JOB_BYTES + responseBytes(replyBytesMax));
  return { memory: new SharedArrayBuffer(bytes), replyBytesMax };
}

/** A thread's view of a channel. */
export class WorkerChannel {
  /** The worker parks on it. */
  readonly parker: Parker;
  /** Written by the worker. */
  readonly stats: SharedThreadStats;
  /** From the front end to the worker: session messages. */
  readonly messages: SpscQueue;
  /** From the front end to the worker: Hellos. */
  readonly hellos: SpscQueue;
  /** From the worker to the coordinator: commands. */
  readonly questions: SpscQueue;
  /** From the coordinator to the worker. */
  readonly answers: SpscQueue;
  /** From the worker to the front end. */
  readonly results: SpscQueue;
  /** By slot: the job. It is read-only until the result is pushed. */
  readonly jobs: readonly Buffer[];
  /** By slot: the command, then its answer, then the result. */
  readonly responses: readonly Buffer[];

  constructor({ memory, replyBytesMax }: ChannelMemory) {
    this.parker = new Parker(memory);
    this.stats = new SharedThreadStats(memory, STATS_AT);
    const queues = Array.from(
      { length: QUEUES },
      (_, index) => new SpscQueue(memory, PARKER_BYTES + index * QUEUE_BYTES, SLOTS_PER_WORKER),
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
