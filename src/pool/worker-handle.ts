// A worker of the pool as the main thread sees it: its channel, its slots, and the jobs in them.

import { SLOTS_PER_WORKER } from '../limits.ts';
import { type ChannelMemory, newChannelMemory, WorkerChannel } from '../shared-memory/worker-channel.ts';
import { type Job, type JobResult, wipeSlot, writeJob } from './job.ts';

/** What comes back for a job, its views valid during the call; undefined if it came to nothing. */
export type JobDone = (result: JobResult | undefined) => void;

/** A job that waits or is in work. */
export class JobTicket {
  readonly job: Job;
  readonly done: JobDone;
  readonly since = performance.now();
  handedOver = 0;
  /** Set when its connection is gone: it is not handed over any more. */
  withdrawn = false;

  constructor(job: Job, done: JobDone) {
    this.job = job;
    this.done = done;
  }
}

/** How much of a worker's time a Hello takes, in session messages: for choosing the worker that is free first. */
const MESSAGES_PER_HELLO = 8;
/** How often is looked whether workers have told of themselves. */
export const LOOK_MS = 250;

/** A worker as the main thread sees it. */
export class WorkerHandle {
  readonly memory: ChannelMemory;
  readonly channel: WorkerChannel;
  readonly tickets = new Array<JobTicket | undefined>(SLOTS_PER_WORKER);
  /** The slot used last comes first: it is still in the caches. */
  readonly #free = Array.from({ length: SLOTS_PER_WORKER }, (_, slot) => slot);
  /** When it told of itself, as seen at the last look, and looks since then at which that was the same. */
  #toldAt = 0;
  #looksInSilence = 0;
  hellos = 0;
  /** Jobs put on its queues since it was last woken. */
  #fresh = 0;

  constructor(replyBytesMax: number) {
    this.memory = newChannelMemory(replyBytesMax);
    this.channel = new WorkerChannel(this.memory);
  }

  /** Whether the worker has begun. */
  get hasBegun(): boolean {
    return this.channel.stats.read().at > 0;
  }

  /** Milliseconds for which the worker has told nothing of itself while this thread looked: a process that stood still counts none. */
  get silentMs(): number {
    return this.#looksInSilence * LOOK_MS;
  }

  /** To be called every LOOK_MS. */
  look(): void {
    const { at } = this.channel.stats.read();
    this.#looksInSilence = at === this.#toldAt ? this.#looksInSilence + 1 : 0;
    this.#toldAt = at;
  }

  /** Free slots. */
  get room(): number {
    return this.#free.length;
  }

  get load(): number {
    return SLOTS_PER_WORKER - this.#free.length + this.hellos * (MESSAGES_PER_HELLO - 1);
  }

  put(ticket: JobTicket): void {
    const slot = this.#free.pop()!;
    writeJob(ticket.job, this.channel.jobs[slot]!);
    ticket.handedOver = performance.now();
    this.tickets[slot] = ticket;
    this.#fresh += 1;
    if (ticket.job.kind !== 'hello') return this.channel.messages.push(slot);
    this.hellos += 1;
    this.channel.hellos.push(slot);
  }

  /** Wakes the worker if there is something new for it; returns how much. */
  wake(): number {
    const fresh = this.#fresh;
    this.#fresh = 0;
    if (fresh > 0) this.channel.parker.unpark();
    return fresh;
  }

  /** The slot is free again. */
  release(slot: number): void {
    const ticket = this.tickets[slot]!;
    this.tickets[slot] = undefined;
    wipeSlot(this.channel.jobs[slot]!, this.channel.responses[slot]!);
    this.#free.push(slot);
    if (ticket.job.kind === 'hello') this.hellos -= 1;
  }

  /** Forgets the keys in all slots. The worker is dead. */
  wipe(): void {
    for (const [slot, job] of this.channel.jobs.entries()) wipeSlot(job, this.channel.responses[slot]!);
  }
}
