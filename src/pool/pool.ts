// Between the front end and the workers: gathers the jobs of all connections of a tick into one call, keeps every worker
// supplied, and bounds what waits. Hellos queue apart from session messages, so that a flood of them starves nobody.
import type { KeyObject } from 'node:crypto';
import { Piscina } from 'piscina';
import {
  BATCH_FRAMES_MAX,
  BATCH_HELLOS_MAX,
  BATCHES_PER_WORKER,
  WAITING_HELLOS_PER_WORKER_MAX,
  WAITING_SESSION_FRAMES_MAX,
} from '../limits.ts';
import { threadUrl } from '../thread-url.ts';
import type { Token } from '../wire/message.ts';
import { type BatchResult, type BatchTimes, type Job, type JobResult, packJobs, unpackResults } from './job.ts';

/** What every worker gets at its start. */
export interface PoolWorkerData {
  readonly coordinatorThreadId: number;
  readonly commsKey: KeyObject;
  readonly registryToken: Token;
  readonly version: number;
  readonly replyBytesMax: { readonly tcp: number; readonly ws: number };
}

/** What one call was like; times in seconds. */
export interface PoolCall {
  readonly frames: number;
  readonly hellos: number;
  /** From hand-over to return. */
  readonly call: number;
  /** How long the first session message, and the first Hello, had waited; undefined if there was none. */
  readonly messageWait: number | undefined;
  readonly helloWait: number | undefined;
  readonly times: BatchTimes;
}

/** Told what the pool does, for metrics and logs. */
export interface PoolObserver {
  /** A call came back. */
  batch(call: PoolCall): void;
  /** A worker died or has a bug; the connections of its batch are closed. */
  failed(error: unknown): void;
}

/** What comes back for a job; undefined if its worker failed. */
export type JobDone = (result: (JobResult & { readonly session?: Uint8Array }) | undefined) => void;

/** A job that waits or is in work. */
export class JobTicket {
  readonly job: Job;
  readonly done: JobDone;
  readonly since = performance.now();
  /** Set when its connection is gone: it is not handed over any more. */
  withdrawn = false;

  constructor(job: Job, done: JobDone) {
    this.job = job;
    this.done = done;
  }
}

export class Pool {
  readonly #piscina: Piscina;
  readonly #observer: PoolObserver;
  readonly #callsMax: number;
  readonly #hellosMax: number;
  #sessionJobs: JobTicket[] = [];
  #hellos: JobTicket[] = [];
  #calls = 0;
  #flushing = false;

  constructor(workers: number, workerData: PoolWorkerData, observer: PoolObserver) {
    this.#observer = observer;
    this.#callsMax = workers * BATCHES_PER_WORKER;
    this.#hellosMax = workers * WAITING_HELLOS_PER_WORKER_MAX;
    this.#piscina = new Piscina({
      filename: threadUrl('pool-worker').href,
      execArgv: [],
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: BATCHES_PER_WORKER,
      // A worker has to hear the coordinator while it has nothing to do, too.
      atomics: 'disabled',
      workerData,
    });
    this.#piscina.on('error', (error) => observer.failed(error));
  }

  /** Jobs that wait, by kind. */
  get queueLengths(): { readonly hello: number; readonly message: number } {
    return { hello: this.#hellos.length, message: this.#sessionJobs.length };
  }

  /** Resolves when every worker has served a call, modules loaded and coordinator reached. */
  async ready(): Promise<void> {
    const empty = packJobs([]);
    await Promise.all(Array.from({ length: this.#callsMax }, () => this.#piscina.run(empty)));
  }

  /** Takes a job in; undefined if there is no room for it. */
  submit(job: Job, done: JobDone): JobTicket | undefined {
    const [queue, room] =
      job.kind === 'hello' ? [this.#hellos, this.#hellosMax] : [this.#sessionJobs, WAITING_SESSION_FRAMES_MAX];
    if (queue.length >= room) dropWithdrawn(queue);
    if (queue.length >= room) return undefined;
    const ticket = new JobTicket(job, done);
    queue.push(ticket);
    if (!this.#flushing) {
      this.#flushing = true;
      // Behind the poll phase: by then every connection has been read that had something in this tick.
      setImmediate(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    return ticket;
  }

  /** Ends the workers; jobs under way come to nothing. */
  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  /** Hands over as many batches as may be under way. */
  #flush(): void {
    while (this.#calls < this.#callsMax) {
      const batch = [...take(this.#sessionJobs, BATCH_FRAMES_MAX), ...take(this.#hellos, BATCH_HELLOS_MAX)];
      if (batch.length === 0) return;
      this.#calls += 1;
      void this.#call(batch);
    }
  }

  async #call(batch: readonly JobTicket[]): Promise<void> {
    const started = performance.now();
    let results: ReturnType<typeof unpackResults> = [];
    try {
      const { results: packed, times }: BatchResult = await this.#piscina.run(packJobs(batch.map(({ job }) => job)));
      results = unpackResults(packed);
      this.#observe(batch, started, times);
    } catch (error) {
      this.#observer.failed(error);
    }
    this.#calls -= 1;
    for (const [i, ticket] of batch.entries()) if (!ticket.withdrawn) ticket.done(results[i]);
    this.#flush();
  }

  #observe(batch: readonly JobTicket[], started: number, times: BatchTimes): void {
    const wait = (ticket: JobTicket | undefined) => ticket && (started - ticket.since) / 1000;
    const hellos = batch.filter(({ job }) => job.kind === 'hello');
    this.#observer.batch({
      frames: batch.length,
      hellos: hellos.length,
      call: (performance.now() - started) / 1000,
      messageWait: wait(batch.find(({ job }) => job.kind !== 'hello')),
      helloWait: wait(hellos[0]),
      times,
    });
  }
}

/** Removes the first `count` tickets of a queue that are still wanted, and those before them that are not. */
function take(queue: JobTicket[], count: number): JobTicket[] {
  const taken: JobTicket[] = [];
  let looked = 0;
  while (taken.length < count && looked < queue.length) {
    const ticket = queue[looked++]!;
    if (!ticket.withdrawn) taken.push(ticket);
  }
  queue.splice(0, looked);
  return taken;
}

/** Makes room for those that are still wanted. */
function dropWithdrawn(queue: JobTicket[]): void {
  let kept = 0;
  for (const ticket of queue) if (!ticket.withdrawn) queue[kept++] = ticket;
  queue.length = kept;
}
