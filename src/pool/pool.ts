// Between the front end and the workers: gathers the jobs of all connections of a tick, hands them to the channels of the
// workers, and bounds what waits. Hellos queue apart from session messages, so that a flood of them starves nobody.
import { Piscina } from 'piscina';
import { releaseReader } from '../coordinator/roster-cache/hazards.ts';
import { HELLOS_PER_WORKER, WAITING_SESSION_FRAMES_MAX } from '../limits.ts';
import type { ThreadStats } from '../runtime/thread-stats.ts';
import { ThreadLoadError, threadUrl } from '../runtime/thread-url.ts';
import { Parker } from '../shared-memory/parker.ts';
import type { ChannelMemory } from '../shared-memory/worker-channel.ts';
import { HelloCost } from './hello-cost.ts';
import { type Job, type JobResult, type JobTimes, readFailure, readResult, readTimes } from './job.ts';
import type { RegistryFacts } from './serve-job.ts';
import type { PoolWorkerData, WorkerStart } from './worker.ts';
import { type JobDone, JobTicket, LOOK_MS, WorkerHandle } from './worker-handle.ts';

/** What a pool is made with. */
export interface PoolSettings {
  readonly workers: number;
  /** Milliseconds of work that Hellos may wait in front of each worker; beyond that the newest is turned away. */
  readonly helloQueueMs: number;
  readonly registry: RegistryFacts;
}

/** The coordinator as the pool knows it: it answers the questions of the channels it is told of. */
export interface ChannelService {
  readonly parker: SharedArrayBuffer;
  /** What it shows the workers; undefined if nothing. */
  readonly rosterCache: SharedArrayBuffer | undefined;
  /** Returns what ends it. */
  serve(channel: ChannelMemory): () => void;
}

/** Told what the pool does, for metrics and logs. */
export interface PoolObserver {
  /** So many jobs were handed to a worker at once. */
  handedOver(jobs: number): void;
  /** A job is done: milliseconds it waited in front of the worker, from hand-over to return, and what it took there. */
  done(kind: Job['kind'], waited: number, call: number, times: JobTimes): void;
  /** A job came to nothing, or a worker, whom another replaces: a bug. The connections of the jobs are closed. */
  failed(error: unknown): void;
  /** Too many workers died too fast: there will be no others. */
  givenUp(error: unknown): void;
}

/** Session messages of a tick that one worker gets before the next one is looked for. */
const MESSAGES_PER_WAKING = 8;
/**
 * A worker that is awake with less than this gets more before another is woken: to wake costs more than to wait. Three
 * Hellos, fewer than HELLOS_PER_WORKER, so there is room for what it gets.
 */
const AWAKE_LOAD_MAX = 24;

/** So many failures within so long are not bad luck. */
const FAILURES_MAX = 5;
const FAILURES_WITHIN_MS = 60_000;

export class Pool {
  readonly #piscina: Piscina;
  readonly #parker: Parker;
  readonly #observer: PoolObserver;
  readonly #coordinator: ChannelService;
  readonly #replyBytesMax: number;
  readonly #helloQueueMs: number;
  readonly #channels: WorkerHandle[];
  #sessionJobs: JobTicket[] = [];
  #hellos: JobTicket[] = [];
  readonly #helloCost = new HelloCost();
  /** When workers failed, the last few times. */
  #failures: number[] = [];
  /** Made in the constructor: workers may begin before anybody asks whether they have. */
  readonly #loaded: Promise<void>;
  /** Settles it; undefined when every worker has begun. */
  #loading: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #looking: NodeJS.Timeout;
  #flushing = false;
  #closed = false;

  constructor({ workers, helloQueueMs, registry }: PoolSettings, coordinator: ChannelService, observer: PoolObserver) {
    this.#observer = observer;
    this.#coordinator = coordinator;
    this.#replyBytesMax = Math.max(registry.replyBytesMax.tcp, registry.replyBytesMax.ws);
    this.#helloQueueMs = helloQueueMs * workers;
    const mainParker = new SharedArrayBuffer(4);
    this.#parker = new Parker(mainParker);
    this.#piscina = new Piscina({
      filename: threadUrl('pool-worker').href,
      execArgv: [],
      minThreads: workers,
      maxThreads: workers,
      workerData: {
        registry,
        mainParker,
        coordinatorParker: coordinator.parker,
        rosterCache: coordinator.rosterCache,
      } satisfies PoolWorkerData,
    });
    this.#loaded = new Promise((resolve, reject) => {
      this.#loading = { resolve, reject };
    });
    // The rejection is for the callers of loaded() only.
    this.#loaded.catch(() => {});
    // A worker that dies rejects what it ran, and there the failure is dealt with; one that ran nothing has not been loaded.
    this.#piscina.on('error', (error) => this.#cannotLoad(error));
    this.#channels = Array.from({ length: workers }, () => new WorkerHandle(this.#replyBytesMax));
    for (const channel of this.#channels) void this.#run(channel);
    void this.#listen();
    this.#looking = setInterval(() => {
      for (const channel of this.#channels) channel.look();
    }, LOOK_MS).unref();
  }

  /** Jobs that wait, by kind. */
  get queueLengths(): { readonly hello: number; readonly message: number } {
    return { hello: this.#hellos.length, message: this.#sessionJobs.length };
  }

  /** What each worker told of itself last, a tenth of a second ago or so; all zero before it has. */
  get threadReadings(): readonly ThreadStats[] {
    return this.#channels.map(({ channel }) => channel.stats.read());
  }

  /** Milliseconds for which the worker that has been silent for longest has told nothing of itself; each does ten times a second. */
  get silentMs(): number {
    return Math.max(...this.#channels.map((worker) => worker.silentMs));
  }

  /** Resolves when every worker has begun; rejects with ThreadLoadError if one cannot, or if the pool is closed before. */
  loaded(): Promise<void> {
    return this.#loaded;
  }

  /** Takes a job in; undefined if there is no room for it. */
  submit(job: Job, done: JobDone): JobTicket | undefined {
    const queue = job.kind === 'hello' ? this.#hellos : this.#sessionJobs;
    if (!this.#hasRoom(job.kind)) dropWithdrawn(queue);
    if (!this.#hasRoom(job.kind)) return undefined;
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
    this.#closed = true;
    clearInterval(this.#looking);
    this.#loading?.reject(new Error('the pool is closed'));
    await this.#piscina.destroy();
    for (const channel of this.#channels) channel.wipe();
  }

  #hasRoom(kind: Job['kind']): boolean {
    if (kind !== 'hello') return this.#sessionJobs.length < WAITING_SESSION_FRAMES_MAX;
    return this.#helloCost.of(this.#hellos.length) < this.#helloQueueMs;
  }

  /** A worker could not be loaded: another could not either. */
  #cannotLoad(error: unknown): void {
    if (this.#loading) this.#loading.reject(new ThreadLoadError('a worker of the pool', error));
    else this.#observer.givenUp(error);
  }

  /** Keeps a worker at its channel. One that fails loses its jobs, and the next one begins with a new channel. */
  async #run(channel: WorkerHandle): Promise<void> {
    const withdraw = this.#coordinator.serve(channel.memory);
    const place = this.#channels.indexOf(channel);
    const error = await this.#piscina.run({ channel: channel.memory, reader: place } satisfies WorkerStart).then(
      () => new Error('a worker ended'),
      (error) => error,
    );
    if (this.#closed) return;
    // The first that a worker does is to tell of itself.
    if (!channel.hasBegun) return this.#cannotLoad(error);
    withdraw();
    if (this.#coordinator.rosterCache) releaseReader(this.#coordinator.rosterCache, place);
    channel.wipe();
    const next = new WorkerHandle(this.#replyBytesMax);
    this.#channels[place] = next;
    for (const ticket of channel.tickets) if (ticket && !ticket.withdrawn) ticket.done(undefined);
    const now = performance.now();
    this.#failures = [...this.#failures.filter((since) => now - since < FAILURES_WITHIN_MS), now];
    if (this.#failures.length >= FAILURES_MAX) return this.#observer.givenUp(error);
    this.#observer.failed(error);
    void this.#run(next);
    this.#flush();
  }

  /** Takes results in whenever there are some. */
  async #listen(): Promise<void> {
    while (!this.#closed) {
      const { epoch } = this.#parker;
      for (const channel of this.#channels) this.#collect(channel);
      if (this.#loading && this.#channels.every((channel) => channel.hasBegun)) {
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
    if (job.kind === 'hello' && result.kind !== 'incomplete') this.#helloCost.observe(result, times);
    this.#observer.done(job.kind, handedOver - since, performance.now() - handedOver, times);
  }

  /** Hands over what the workers have room for. */
  #flush(): void {
    while (this.#sessionJobs.length > 0) {
      const worker = this.#awake() ?? this.#leastLoaded((worker) => worker.room > 0);
      if (worker === undefined) break;
      const count = Math.min(worker.room, MESSAGES_PER_WAKING);
      for (const ticket of take(this.#sessionJobs, count)) worker.put(ticket);
    }
    while (this.#hellos.length > 0) {
      const fits = (worker: WorkerHandle) => worker.room > 0 && worker.hellos < HELLOS_PER_WORKER;
      const worker = this.#awake() ?? this.#leastLoaded(fits);
      if (worker === undefined) break;
      for (const ticket of take(this.#hellos, 1)) worker.put(ticket);
    }
    for (const worker of this.#channels) {
      const jobs = worker.wake();
      if (jobs > 0) this.#observer.handedOver(jobs);
    }
  }

  /** The busiest of those that have little to do; undefined if all sleep or have much. */
  #awake(): WorkerHandle | undefined {
    let busiest: WorkerHandle | undefined;
    for (const worker of this.#channels) {
      const { load } = worker;
      if (load > 0 && load < AWAKE_LOAD_MAX && load > (busiest?.load ?? 0)) busiest = worker;
    }
    return busiest;
  }

  #leastLoaded(fits: (worker: WorkerHandle) => boolean): WorkerHandle | undefined {
    let least: WorkerHandle | undefined;
    for (const worker of this.#channels) {
      if (fits(worker) && (least === undefined || worker.load < least.load)) least = worker;
    }
    return least;
  }
}

/** Removes the first `count` tickets of a queue that are still wanted, and those before them that are not. */
function take(queue: JobTicket[], count: number): JobTicket[] {
  const taken: JobTicket[] = [];
  let looked = 0;
  while (looked < queue.length && taken.length < count) {
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
