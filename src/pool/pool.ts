// Stages 1 and 6, front end, sequential: hands jobs to the workers and their results to the connections. It collects
// the jobs of one event-loop turn. Through worker-handle.ts it pushes them to the `messages` and `hellos` queues of the
// worker channels; it pops `results`. Hellos and messages wait in separate bounded queues, so a flood of Hellos starves
// no session.
import { encodeMark } from '../coordinator/marks.ts';
import { releaseReader } from '../coordinator/roster-cache/hazards.ts';
import { HELLOS_PER_WORKER, RESUMES_PER_TURN, WAITING_SESSION_FRAMES_MAX } from '../limits.ts';
import { monotonicSeconds, type ThreadStats } from '../runtime/thread-stats.ts';
import { ThreadLoadError } from '../runtime/thread-url.ts';
import { LOOK_MS, RecentFailures } from '../runtime/thread-watch.ts';
import { Parker } from '../shared-memory/parker.ts';
import type { ChannelMemory } from '../shared-memory/worker-channel.ts';
import { HelloCost } from './hello-cost.ts';
import {
  isHello,
  isResumed,
  type Job,
  type JobResult,
  type JobTimes,
  readFailure,
  readResult,
  readTimes,
} from './job.ts';
import { JobQueue } from './job-queue.ts';
import { NO_SCAN } from './scan-codec.ts';
import type { RegistryFacts } from './serve-job.ts';
import { type JobDone, JobTicket, WorkerHandle } from './worker-handle.ts';
import type { PoolWorkers, StartWorkers } from './worker-threads.ts';

/** The settings of a pool. */
export interface PoolSettings {
  readonly workers: number;
  /** Milliseconds of Hello work that may wait for each worker. The pool refuses Hellos beyond that. */
  readonly helloQueueMs: number;
  readonly registry: RegistryFacts;
  readonly startWorkers: StartWorkers;
  /** Index of the first worker among those of all pools; 0 without it. Each has a hazard word of the roster cache. */
  readonly firstWorker?: number;
}

/** A mark that goes through the workers of all pools (Q7). */
export interface MarkOrder {
  readonly number: number;
  /** Workers of all pools. */
  readonly workers: number;
}

/** The coordinator as the pool sees it. */
export interface ChannelService {
  /** Memory of the parker on which the coordinator parks. */
  readonly parker: SharedArrayBuffer;
  /** Undefined if the coordinator keeps no roster cache. */
  readonly rosterCache: SharedArrayBuffer | undefined;
  /** Begins to answer the commands of a channel, of the worker with this index. Returns a function that ends it. */
  serve(channel: ChannelMemory, worker: number): () => void;
}

/** Receives the pool's events, for metrics and logs. */
export interface PoolObserver {
  /** A worker got `jobs` jobs with one unpark. */
  handedOver(jobs: number): void;
  /** A job is done. `waited` and `call` are the milliseconds before and after its hand-over to the worker. */
  done(kind: Job['kind'], waited: number, call: number, times: JobTimes): void;
  /** A bug. A failed job ends its connection; a failed worker is replaced, and the connections of its jobs end. */
  failed(error: unknown): void;
  /** Too many workers failed too fast. The pool replaces no more of them. */
  givenUp(error: unknown): void;
}

/** A mark on its way to the workers. */
interface PendingMark {
  /** Messages that go first, by their places in the queue. */
  readonly behind: number;
  readonly job: Job;
  /** Workers that lack it. */
  readonly left: Set<WorkerHandle>;
}

/** Messages of one turn that a worker gets before the pool chooses the next worker. */
const MESSAGES_PER_HANDOVER = 8;
/**
 * An awake worker below this load gets more jobs before another worker is unparked: an unpark costs more than the wait.
 * The bound is three Hellos, below HELLOS_PER_WORKER, so the chosen worker has room.
 */
const AWAKE_LOAD_MAX = 24;

export class Pool {
  readonly #threads: PoolWorkers;
  readonly #parker: Parker;
  readonly #observer: PoolObserver;
  readonly #coordinator: ChannelService;
  readonly #replyBytesMax: number;
  readonly #helloQueueMs: number;
  readonly #firstWorker: number;
  readonly #workers: WorkerHandle[];
  /** BOUNDED by WAITING_SESSION_FRAMES_MAX. */
  readonly #messages = new JobQueue();
  /** BOUNDED by the connections: each has one request that waits at most. */
  readonly #resumes = new JobQueue();
  /** BOUNDED by helloQueueMs of work. */
  readonly #hellos = new JobQueue();
  readonly #helloCost = new HelloCost();
  readonly #failures = new RecentFailures();
  /** Made in the constructor, since workers may begin before the first call of `loaded`. */
  readonly #loaded: Promise<void>;
  /** Settles `#loaded`; undefined once every worker has begun. */
  #loading: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #looking: NodeJS.Timeout;
  #flushing = false;
  #pendingMark: PendingMark | undefined;
  #closed = false;

  constructor(settings: PoolSettings, coordinator: ChannelService, observer: PoolObserver) {
    const { workers, helloQueueMs, registry, startWorkers, firstWorker = 0 } = settings;
    this.#observer = observer;
    this.#coordinator = coordinator;
    this.#replyBytesMax = Math.max(registry.replyBytesMax.tcp, registry.replyBytesMax.ws);
    this.#helloQueueMs = helloQueueMs * workers;
    this.#firstWorker = firstWorker;
    const mainParker = new SharedArrayBuffer(4);
    this.#parker = new Parker(mainParker);
    this.#loaded = new Promise((resolve, reject) => {
      this.#loading = { resolve, reject };
    });
    // Only callers of loaded() handle the rejection.
    this.#loaded.catch(() => {});
    const { parker: coordinatorParker, rosterCache } = coordinator;
    const data = { registry, mainParker, coordinatorParker, rosterCache };
    this.#threads = startWorkers(workers, data, (error) => this.#cannotLoad(error));
    this.#workers = Array.from({ length: workers }, () => new WorkerHandle(this.#replyBytesMax));
    for (const worker of this.#workers) void this.#run(worker);
    void this.#listen();
    this.#looking = setInterval(() => {
      for (const worker of this.#workers) worker.look();
    }, LOOK_MS).unref();
  }

  /** Number of waiting jobs, by kind. */
  get queueLengths(): { readonly hello: number; readonly message: number; readonly resume: number } {
    return { hello: this.#hellos.length, message: this.#messages.length, resume: this.#resumes.length };
  }

  /** The last stats of each worker, about a tenth of a second old; all 0 before the first. */
  get threadStats(): readonly ThreadStats[] {
    return this.#workers.map(({ channel }) => channel.stats.read());
  }

  /** Milliseconds since the last stats of the longest silent worker. Workers write stats ten times a second. */
  get silentMs(): number {
    return Math.max(...this.#workers.map((worker) => worker.silentMs));
  }

  /** Resolves when every worker has begun. Rejects with ThreadLoadError if one cannot, with Error after `close`. */
  loaded(): Promise<void> {
    return this.#loaded;
  }

  /** Queues a job. Returns undefined if its queue is full. */
  submit(job: Job, done: JobDone): JobTicket | undefined {
    const queue = isHello(job.kind) ? this.#hellos : isResumed(job.kind) ? this.#resumes : this.#messages;
    if (!this.#hasRoom(job.kind)) queue.dropWithdrawn();
    if (!this.#hasRoom(job.kind)) return undefined;
    const ticket = new JobTicket(job, done);
    queue.push(ticket);
    this.#flushLater();
    return ticket;
  }

  /** Hands over after the poll phase, when every readable connection of this turn has been read. */
  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#handOver();
      this.#handOverResumes();
      this.#resumeLater();
    });
  }

  /**
   * Sends a mark to the coordinator through every worker, behind all messages that have arrived (Q7). A mark that still
   * waits for a slot is given up. Call it from a timer: the sockets that are readable are read before the mark is made.
   */
  mark(order: MarkOrder): void {
    const sentAt = monotonicSeconds() * 1_000;
    setImmediate(() => {
      const bytes = encodeMark({ ...order, sentAt });
      const job: Job = {
        kind: 'mark',
        transport: 'tcp',
        session: undefined,
        scan: NO_SCAN,
        bytes,
        origin: 0,
        early: false,
      };
      this.#pendingMark = { behind: this.#messages.pushed, job, left: new Set(this.#workers) };
      this.#flush();
    });
  }

  /** Ends the workers. Jobs in work get no result. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#looking);
    this.#loading?.reject(new Error('the pool is closed'));
    await this.#threads.destroy();
    this.#parker.unpark();
    for (const worker of this.#workers) worker.wipe();
  }

  #hasRoom(kind: Job['kind']): boolean {
    if (isResumed(kind)) return true;
    if (!isHello(kind)) return this.#messages.length < WAITING_SESSION_FRAMES_MAX;
    return this.#helloCost.of(this.#hellos.units) < this.#helloQueueMs;
  }

  /** Gives up: a worker could not be loaded, so no replacement could be either. */
  #cannotLoad(error: unknown): void {
    if (this.#loading) this.#loading.reject(new ThreadLoadError('a worker of the pool', error));
    else this.#observer.givenUp(error);
  }

  /** Runs a worker until it fails, then replaces it by one with a new channel. The failed one's jobs get no result. */
  async #run(worker: WorkerHandle): Promise<void> {
    const place = this.#workers.indexOf(worker);
    const reader = this.#firstWorker + place;
    const withdraw = this.#coordinator.serve(worker.memory, reader);
    const error = await this.#threads.run({ channel: worker.memory, reader }).then(
      () => new Error('a worker ended'),
      (error) => error,
    );
    if (this.#closed) return;
    // A worker writes its stats before anything else.
    if (!worker.hasBegun) return this.#cannotLoad(error);
    withdraw();
    if (this.#coordinator.rosterCache) releaseReader(this.#coordinator.rosterCache, reader);
    worker.wipe();
    const next = new WorkerHandle(this.#replyBytesMax);
    this.#workers[place] = next;
    for (const ticket of worker.tickets) if (ticket && !ticket.withdrawn) ticket.done(undefined);
    if (!this.#failures.mayReplace()) return this.#observer.givenUp(error);
    this.#observer.failed(error);
    void this.#run(next);
    this.#flush();
  }

  /** Pops results, and parks while there are none. */
  async #listen(): Promise<void> {
    while (!this.#closed) {
      const { epoch } = this.#parker;
      for (const worker of this.#workers) this.#collect(worker);
      if (this.#loading && this.#workers.every((worker) => worker.hasBegun)) {
        this.#loading.resolve();
        this.#loading = undefined;
      }
      this.#flush();
      await this.#parker.parkAsync(epoch);
    }
  }

  #collect(worker: WorkerHandle): void {
    const { results, responses } = worker.channel;
    for (let slot = results.pop(); slot !== undefined; slot = results.pop()) {
      const response = responses[slot]!;
      const ticket = worker.tickets[slot]!;
      const failure = readFailure(response);
      if (failure) this.#observer.failed(failure);
      const result = failure ? undefined : readResult(response);
      if (result) this.#observe(ticket, result, readTimes(response));
      if (!ticket.withdrawn) ticket.done(result);
      worker.release(slot);
    }
  }

  #observe({ job, since, handedOver }: JobTicket, result: JobResult, times: JobTimes): void {
    if (job.kind === 'mark') return;
    if (job.kind === 'hello' && result.kind !== 'incomplete' && result.kind !== 'waiting')
      this.#helloCost.observe(result, times);
    this.#observer.done(job.kind, handedOver - since, performance.now() - handedOver, times);
  }

  /** Hands over as many jobs as the workers have room for; resumed requests in a later turn. */
  #flush(): void {
    this.#handOver();
    this.#resumeLater();
  }

  /** Without a free slot, the next result leads to another flush. */
  #resumeLater(): void {
    if (this.#resumes.length > 0 && this.#workers.some(({ room }) => room > 0)) this.#flushLater();
  }

  /** Hands over messages, then Hellos. */
  #handOver(): void {
    while (this.#messages.length > 0) {
      const worker = this.#awake() ?? this.#leastLoaded((worker) => worker.room > 0);
      if (worker === undefined) break;
      const count = Math.min(worker.room, MESSAGES_PER_HANDOVER);
      for (const ticket of this.#messages.take(count)) worker.put(ticket);
    }
    const mark = this.#pendingMark;
    if (mark && this.#messages.hasPassed(mark.behind)) this.#handOverMark(mark);
    while (this.#hellos.length > 0) {
      const fits = (worker: WorkerHandle) => worker.room > 0 && worker.hellos < HELLOS_PER_WORKER;
      const worker = this.#awake() ?? this.#leastLoaded(fits);
      if (worker === undefined) break;
      for (const ticket of this.#hellos.take(1)) worker.put(ticket);
    }
    this.#wakeWorkers();
  }

  /** Hands over RESUMES_PER_TURN resumed requests at most, behind all messages. */
  #handOverResumes(): void {
    if (this.#messages.length > 0) return;
    for (let left = RESUMES_PER_TURN; left > 0 && this.#resumes.length > 0; ) {
      const worker = this.#awake() ?? this.#leastLoaded((worker) => worker.room > 0);
      if (worker === undefined) break;
      const taken = this.#resumes.take(Math.min(worker.room, MESSAGES_PER_HANDOVER, left));
      for (const ticket of taken) worker.put(ticket);
      left -= Math.max(1, taken.length);
    }
    this.#wakeWorkers();
  }

  #wakeWorkers(): void {
    for (const worker of this.#workers) {
      const jobs = worker.wake();
      if (jobs > 0) this.#observer.handedOver(jobs);
    }
  }

  #handOverMark({ job, left }: PendingMark): void {
    for (const worker of left) {
      if (worker.room === 0) continue;
      worker.put(new JobTicket(job, () => {}));
      left.delete(worker);
    }
    if (left.size === 0) this.#pendingMark = undefined;
  }

  /** The most loaded worker below AWAKE_LOAD_MAX; undefined if every worker is parked or above it. */
  #awake(): WorkerHandle | undefined {
    let busiest: WorkerHandle | undefined;
    for (const worker of this.#workers) {
      const { load } = worker;
      if (load > 0 && load < AWAKE_LOAD_MAX && load > (busiest?.load ?? 0)) busiest = worker;
    }
    return busiest;
  }

  #leastLoaded(fits: (worker: WorkerHandle) => boolean): WorkerHandle | undefined {
    let least: WorkerHandle | undefined;
    for (const worker of this.#workers) {
      if (fits(worker) && (least === undefined || worker.load < least.load)) least = worker;
    }
    return least;
  }
}
