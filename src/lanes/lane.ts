// The memory that the main thread, one worker of the pool and the coordinator share. A job lives in a slot: the main thread
// writes it and puts the slot's number on a queue to the worker; the worker asks the coordinator, and in the end answers,
// by putting the same number on other queues. A thread touches a slot only while it holds its number. Nothing is cloned, and
// nothing is allocated for a job.
import { MESSAGE_BYTES_MAX, SLOTS_PER_WORKER } from '../limits.ts';
import { SharedReadings } from '../thread-readings.ts';
import { Bell } from './bell.ts';
import { SlotQueue } from './slot-queue.ts';

/** What makes a lane, and crosses to the threads that use it. */
export interface LaneMemory {
  readonly memory: SharedArrayBuffer;
  readonly replyBytesMax: number;
}

/** Beside the bytes of a message, or of a reply: heads, a session record, the fields of a command or an answer. */
const MARGIN_BYTES = 1_024;
const BELL_BYTES = 64;
/** Of them the bell has the first four, and the readings the second half. */
const READINGS_AT = 32;
const QUEUE_BYTES = SlotQueue.bytes(SLOTS_PER_WORKER);
const QUEUES = 5;
const SLOTS_AT = BELL_BYTES + QUEUES * QUEUE_BYTES;
const JOB_BYTES = MESSAGE_BYTES_MAX + MARGIN_BYTES;

/** Bytes of the part of a slot that question, answer and result take turns in: the largest of them, a token at least. */
function talkBytes(replyBytesMax: number): number {
  return Math.max(replyBytesMax, MESSAGE_BYTES_MAX) + 2 * MARGIN_BYTES;
}

/** Memory for a lane whose replies have at most so many bytes. Pages of it that no reply ever reaches stay unused. */
export function newLaneMemory(replyBytesMax: number): LaneMemory {
  const bytes = SLOTS_AT + SLOTS_PER_WORKER * (JOB_BYTES + talkBytes(replyBytesMax));
  return { memory: new SharedArrayBuffer(bytes), replyBytesMax };
}

/** A thread's view of a lane. */
export class Lane {
  /** The worker's. */
  readonly bell: Bell;
  /** What the worker tells of itself. */
  readonly readings: SharedReadings;
  /** From the main thread to the worker, session messages apart from Hellos. */
  readonly messages: SlotQueue;
  readonly hellos: SlotQueue;
  /** From the worker to the coordinator, and back. */
  readonly questions: SlotQueue;
  readonly answers: SlotQueue;
  /** From the worker to the main thread. */
  readonly results: SlotQueue;
  /** By slot: what the worker is to do, from the main thread; it stands until the result is out. */
  readonly jobs: readonly Buffer[];
  /** By slot: the question, then its answer, then the result. */
  readonly talks: readonly Buffer[];

  constructor({ memory, replyBytesMax }: LaneMemory) {
    this.bell = new Bell(memory);
    this.readings = new SharedReadings(memory, READINGS_AT);
    const queues = Array.from(
      { length: QUEUES },
      (_, place) => new SlotQueue(memory, BELL_BYTES + place * QUEUE_BYTES, SLOTS_PER_WORKER),
    );
    [this.messages, this.hellos, this.questions, this.answers, this.results] = queues as [
      SlotQueue,
      SlotQueue,
      SlotQueue,
      SlotQueue,
      SlotQueue,
    ];
    const parts = (at: number, bytes: number) =>
      Array.from({ length: SLOTS_PER_WORKER }, (_, slot) => Buffer.from(memory, at + slot * bytes, bytes));
    this.jobs = parts(SLOTS_AT, JOB_BYTES);
    this.talks = parts(SLOTS_AT + SLOTS_PER_WORKER * JOB_BYTES, talkBytes(replyBytesMax));
  }
}
