// Stages 1 and 6, front end, sequential: one worker as the front end sees it, with its channel, slots and jobs. It
// pushes slot numbers to the channel's `messages` and `hellos` queues; pool.ts pops `results`.
import { SLOTS_PER_WORKER } from '../limits.ts';
import { SilentLooks } from '../runtime/thread-watch.ts';
import { type ChannelMemory, newChannelMemory, WorkerChannel } from '../shared-memory/worker-channel.ts';
import { isHello, type Job, type JobResult, wipeSlot, writeJob } from './job.ts';

/** Receives a job's result, or undefined if job or worker failed. Views in the result are valid during the call. */
export type JobDone = (result: JobResult | undefined) => void;

/** A job in a queue of the pool or in a slot. */
export class JobTicket {
  readonly job: Job;
  readonly done: JobDone;
  readonly since = performance.now();
  handedOver = 0;
  /** The job's number in its queue, from 1 on. */
  place = 0;
  /** Set when the connection has ended. The pool then drops the job, or its result. */
  withdrawn = false;

  constructor(job: Job, done: JobDone) {
    this.job = job;
    this.done = done;
  }
}

/** Load of a Hello in units of one message. */
const MESSAGES_PER_HELLO = 8;

/** A worker as the front end sees it. */
export class WorkerHandle {
  readonly memory: ChannelMemory;
  readonly channel: WorkerChannel;
  /** By slot: the job in it. */
  readonly tickets = new Array<JobTicket | undefined>(SLOTS_PER_WORKER);
  /** A stack: the slot freed last is reused first, while the CPU still caches it. */
  readonly #free = Array.from({ length: SLOTS_PER_WORKER }, (_, slot) => slot);
  readonly #silence = new SilentLooks();
  /** Hellos in slots. */
  hellos = 0;
  /** Jobs pushed since the last unpark. */
  #unannounced = 0;

  constructor(replyBytesMax: number) {
    this.memory = newChannelMemory(replyBytesMax);
    this.channel = new WorkerChannel(this.memory);
  }

  /** Returns whether the worker has written its first stats. */
  get hasBegun(): boolean {
    return this.channel.stats.read().at > 0;
  }

  /** Milliseconds without new stats. */
  get silentMs(): number {
    return this.#silence.ms;
  }

  /** Checks for new stats. Must be called every LOOK_MS. */
  look(): void {
    this.#silence.look(this.channel.stats.read().at);
  }

  /** Number of free slots. */
  get room(): number {
    return this.#free.length;
  }

  /** Jobs in slots, in units of one message. */
  get load(): number {
    return SLOTS_PER_WORKER - this.#free.length + this.hellos * (MESSAGES_PER_HELLO - 1);
  }

  /** Writes a job into a free slot and pushes the slot's number, without an unpark. Needs `room > 0`. */
  put(ticket: JobTicket): void {
    const slot = this.#free.pop()!;
    writeJob(ticket.job, this.channel.jobs[slot]!);
    ticket.handedOver = performance.now();
    this.tickets[slot] = ticket;
    this.#unannounced += 1;
    if (!isHello(ticket.job.kind)) return this.channel.messages.push(slot);
    this.hellos += 1;
    this.channel.hellos.push(slot);
  }

  /** Unparks the worker if jobs were pushed since the last unpark. Returns their number. */
  wake(): number {
    const jobs = this.#unannounced;
    this.#unannounced = 0;
    if (jobs > 0) this.channel.parker.unpark();
    return jobs;
  }

  /** Wipes a slot and frees it. */
  release(slot: number): void {
    const ticket = this.tickets[slot]!;
    this.tickets[slot] = undefined;
    wipeSlot(this.channel.jobs[slot]!, this.channel.responses[slot]!);
    this.#free.push(slot);
    if (isHello(ticket.job.kind)) this.hellos -= 1;
  }

  /** Wipes the keys in all slots. The worker must be dead. */
  wipe(): void {
    wipeChannel(this.channel);
  }
}

/** Wipes the keys in all slots of a channel. Its worker must be dead. */
export function wipeChannel({ jobs, responses }: WorkerChannel): void {
  for (const [slot, job] of jobs.entries()) wipeSlot(job, responses[slot]!);
}
