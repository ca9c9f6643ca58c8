// Between the front end and the workers: gathers the jobs of all connections of a tick, hands them to the lanes of the
// workers, and bounds what waits. Hellos queue apart from session messages, so that a flood of them starves nobody.
import { Piscina } from 'piscina';
import { releaseReader } from '../coordinator/cluster-board.ts';
import { Bell } from '../lanes/bell.ts';
import { Lane, type LaneMemory, newLaneMemory } from '../lanes/lane.ts';
import { HELLO_MILLISECONDS, HELLOS_PER_WORKER, SLOTS_PER_WORKER, WAITING_SESSION_FRAMES_MAX } from '../limits.ts';
import type { ThreadReadings } from '../thread-readings.ts';
import { ThreadLoadError, threadUrl } from '../thread-url.ts';
import {
  type Job,
  type JobResult,
  type JobTimes,
  readFailure,
  readResult,
  readTimes,
  wipeSlot,
  writeJob,
} from './job.ts';
import type { PoolWorkerData, WorkerStart } from './pool-worker.ts';
import type { RegistryFacts } from './serve-job.ts';

/** What a pool is made with. */
export interface PoolSettings {
  readonly workers: number;
  /** Milliseconds of work that Hellos may wait in front of each worker; beyond that the newest is turned away. */
  readonly helloQueueMs: number;
  readonly registry: RegistryFacts;
}

/** The coordinator as the pool knows it: it answers the questions of the lanes it is told of. */
export interface LaneService {
  readonly bell: SharedArrayBuffer;
  /** What it shows the workers; undefined if nothing. */
  readonly board: SharedArrayBuffer | undefined;
  /** Returns what ends it. */
  serve(lane: LaneMemory): () => void;
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
/** Session messages of a tick that one worker gets before the next one is looked for. */
const MESSAGES_PER_WAKING = 8;
/**
 * A worker that is awake with less than this gets more before another is woken: to wake costs more than to wait. Three
 * Hellos, fewer than HELLOS_PER_WORKER, so there is room for what it gets.
 */
const AWAKE_LOAD_MAX = 24;

/** How fast the estimate of a Hello's time follows a shorter one, and a longer one, which may have waited for a core. */
const [HELLO_FASTER, HELLO_SLOWER] = [1 / 4, 1 / 256];
/** How fast the number of RSA operations for a Hello follows, one while there is one comms key. */
const OPERATIONS_FOLLOW = 1 / 64;
/** So many failures within so long are not bad luck. */
const FAILURES_MAX = 5;
const FAILURES_WITHIN_MS = 60_000;

/** How often is looked whether workers have told of themselves. */
const LOOK_MS = 250;

/** A worker as the main thread sees it. */
class WorkerLane {
  readonly memory: LaneMemory;
  readonly lane: Lane;
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
    this.memory = newLaneMemory(replyBytesMax);
    this.lane = new Lane(this.memory);
  }

  /** Whether the worker has begun. */
  get hasBegun(): boolean {
    return this.lane.readings.read().at > 0;
  }

  /** Milliseconds for which the worker has told nothing of itself while this thread looked: a process that stood still counts none. */
  get silentMs(): number {
    return this.#looksInSilence * LOOK_MS;
  }

  /** To be called every LOOK_MS. */
  look(): void {
    const { at } = this.lane.readings.read();
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
    writeJob(ticket.job, this.lane.jobs[slot]!);
    ticket.handedOver = performance.now();
    this.tickets[slot] = ticket;
    this.#fresh += 1;
    if (ticket.job.kind !== 'hello') return this.lane.messages.put(slot);
    this.hellos += 1;
    this.lane.hellos.put(slot);
  }

  /** Wakes the worker if there is something new for it; returns how much. */
  wake(): number {
    const fresh = this.#fresh;
    this.#fresh = 0;
    if (fresh > 0) this.lane.bell.ring();
    return fresh;
  }

  /** The slot is free again. */
  release(slot: number): void {
    const ticket = this.tickets[slot]!;
    this.tickets[slot] = undefined;
    wipeSlot(this.lane.jobs[slot]!, this.lane.talks[slot]!);
    this.#free.push(slot);
    if (ticket.job.kind === 'hello') this.hellos -= 1;
  }

  /** Forgets the keys in all slots. The worker is dead. */
  wipe(): void {
    for (const [slot, job] of this.lane.jobs.entries()) wipeSlot(job, this.lane.talks[slot]!);
  }
}

export class Pool {
  readonly #piscina: Piscina;
  readonly #bell: Bell;
  readonly #observer: PoolObserver;
  readonly #coordinator: LaneService;
  readonly #replyBytesMax: number;
  readonly #helloQueueMs: number;
  readonly #lanes: WorkerLane[];
  #sessionJobs: JobTicket[] = [];
  #hellos: JobTicket[] = [];
  /** What an RSA operation takes of a worker, and how many a Hello takes: two where it fails under the current key. */
  #rsaMs = HELLO_MILLISECONDS;
  #rsaOperations = 1;
  /** When workers failed, the last few times. */
  #failures: number[] = [];
  /** Made in the constructor: workers may begin before anybody asks whether they have. */
  readonly #loaded: Promise<void>;
  /** Settles it; undefined when every worker has begun. */
  #loading: { resolve(): void; reject(error: Error): void } | undefined;
  readonly #looking: NodeJS.Timeout;
  #flushing = false;
  #closed = false;

  constructor({ workers, helloQueueMs, registry }: PoolSettings, coordinator: LaneService, observer: PoolObserver) {
    this.#observer = observer;
    this.#coordinator = coordinator;
    this.#replyBytesMax = Math.max(registry.replyBytesMax.tcp, registry.replyBytesMax.ws);
    this.#helloQueueMs = helloQueueMs * workers;
    const mainBell = new SharedArrayBuffer(4);
    this.#bell = new Bell(mainBell);
    this.#piscina = new Piscina({
      filename: threadUrl('pool-worker').href,
      execArgv: [],
      minThreads: workers,
      maxThreads: workers,
      workerData: {
        registry,
        mainBell,
        coordinatorBell: coordinator.bell,
        board: coordinator.board,
      } satisfies PoolWorkerData,
    });
    this.#loaded = new Promise((resolve, reject) => {
      this.#loading = { resolve, reject };
    });
    // The rejection is for the callers of loaded() only.
    this.#loaded.catch(() => {});
    // A worker that dies rejects what it ran, and there the failure is dealt with; one that ran nothing has not been loaded.
    this.#piscina.on('error', (error) => this.#cannotLoad(error));
    this.#lanes = Array.from({ length: workers }, () => new WorkerLane(this.#replyBytesMax));
    for (const lane of this.#lanes) void this.#run(lane);
    void this.#listen();
    this.#looking = setInterval(() => {
      for (const lane of this.#lanes) lane.look();
    }, LOOK_MS).unref();
  }

  /** Jobs that wait, by kind. */
  get queueLengths(): { readonly hello: number; readonly message: number } {
    return { hello: this.#hellos.length, message: this.#sessionJobs.length };
  }

  /** What each worker told of itself last, a tenth of a second ago or so; all zero before it has. */
  get threadReadings(): readonly ThreadReadings[] {
    return this.#lanes.map(({ lane }) => lane.readings.read());
  }

  /** Milliseconds for which the worker that has been silent for longest has told nothing of itself; each does ten times a second. */
  get silentMs(): number {
    return Math.max(...this.#lanes.map((worker) => worker.silentMs));
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
    for (const lane of this.#lanes) lane.wipe();
  }

  #hasRoom(kind: Job['kind']): boolean {
    if (kind !== 'hello') return this.#sessionJobs.length < WAITING_SESSION_FRAMES_MAX;
    return this.#hellos.length * this.#rsaMs * Math.max(1, this.#rsaOperations) < this.#helloQueueMs;
  }

  /** A worker could not be loaded: another could not either. */
  #cannotLoad(error: unknown): void {
    if (this.#loading) this.#loading.reject(new ThreadLoadError('a worker of the pool', error));
    else this.#observer.givenUp(error);
  }

  /** Keeps a worker at its lane. One that fails loses its jobs, and the next one begins with a new lane. */
  async #run(lane: WorkerLane): Promise<void> {
    const withdraw = this.#coordinator.serve(lane.memory);
    const place = this.#lanes.indexOf(lane);
    const error = await this.#piscina.run({ lane: lane.memory, reader: place } satisfies WorkerStart).then(
      () => new Error('a worker ended'),
      (error) => error,
    );
    if (this.#closed) return;
    // The first that a worker does is to tell of itself.
    if (!lane.hasBegun) return this.#cannotLoad(error);
    withdraw();
    if (this.#coordinator.board) releaseReader(this.#coordinator.board, place);
    lane.wipe();
    const next = new WorkerLane(this.#replyBytesMax);
    this.#lanes[place] = next;
    for (const ticket of lane.tickets) if (ticket && !ticket.withdrawn) ticket.done(undefined);
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
      const { rings } = this.#bell;
      for (const lane of this.#lanes) this.#collect(lane);
      if (this.#loading && this.#lanes.every((lane) => lane.hasBegun)) {
        this.#loading.resolve();
        this.#loading = undefined;
      }
      this.#flush();
      await this.#bell.heard(rings);
    }
  }

  #collect(worker: WorkerLane): void {
    const { results, talks } = worker.lane;
    for (let slot = results.take(); slot !== undefined; slot = results.take()) {
      const talk = talks[slot]!;
      const ticket = worker.tickets[slot]!;
      const failure = readFailure(talk);
      if (failure) this.#observer.failed(failure);
      const result = failure ? undefined : readResult(talk);
      if (result) this.#observe(ticket, result, readTimes(talk));
      if (!ticket.withdrawn) ticket.done(result);
      worker.release(slot);
    }
  }

  #observe({ job, since, handedOver }: JobTicket, result: JobResult, times: JobTimes): void {
    if (job.kind === 'hello' && result.kind !== 'incomplete') {
      this.#rsaOperations += (result.rsaOperations - this.#rsaOperations) * OPERATIONS_FOLLOW;
      // A Hello that is none may have cost nothing.
      const ms = result.kind === 'reply' ? times.open / result.rsaOperations : this.#rsaMs;
      this.#rsaMs += (ms - this.#rsaMs) * (ms < this.#rsaMs ? HELLO_FASTER : HELLO_SLOWER);
    }
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
      const fits = (worker: WorkerLane) => worker.room > 0 && worker.hellos < HELLOS_PER_WORKER;
      const worker = this.#awake() ?? this.#leastLoaded(fits);
      if (worker === undefined) break;
      for (const ticket of take(this.#hellos, 1)) worker.put(ticket);
    }
    for (const worker of this.#lanes) {
      const jobs = worker.wake();
      if (jobs > 0) this.#observer.handedOver(jobs);
    }
  }

  /** The busiest of those that have little to do; undefined if all sleep or have much. */
  #awake(): WorkerLane | undefined {
    let busiest: WorkerLane | undefined;
    for (const worker of this.#lanes) {
      const { load } = worker;
      if (load > 0 && load < AWAKE_LOAD_MAX && load > (busiest?.load ?? 0)) busiest = worker;
    }
    return busiest;
  }

  #leastLoaded(fits: (worker: WorkerLane) => boolean): WorkerLane | undefined {
    let least: WorkerLane | undefined;
    for (const worker of this.#lanes) {
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
