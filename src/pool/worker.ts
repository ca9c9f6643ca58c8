// A worker of the pool: serves the jobs of its channel until it is told to stop. What the coordinator has answered comes
// first, then session messages, then one Hello at a time: an RSA operation takes as long as ten of the others.
import { workerData } from 'node:worker_threads';
import { readReply, writeCommand } from '../coordinator/command-codec.ts';
import { RosterCacheReader } from '../coordinator/roster-cache/reader.ts';
import { SLOTS_PER_WORKER } from '../limits.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import { Parker } from '../shared-memory/parker.ts';
import { type ChannelMemory, WorkerChannel } from '../shared-memory/worker-channel.ts';
import { type JobTimes, readJob, type WorkerResult, writeFailure, writeResult } from './job.ts';
import { pooledRandom } from './pooled-random.ts';
import { conclude, type JobContext, jobContext, type PendingJob, type RegistryFacts, serveJob } from './serve-job.ts';

/** What every worker gets at its start. */
export interface PoolWorkerData {
  readonly registry: RegistryFacts;
  /** Of the threads a worker has to do with; 4 bytes each. */
  readonly mainParker: SharedArrayBuffer;
  readonly coordinatorParker: SharedArrayBuffer;
  /** What the coordinator shows; undefined if nothing. */
  readonly rosterCache: SharedArrayBuffer | undefined;
}

/** What a worker is started with each time. */
export interface WorkerStart {
  readonly channel: ChannelMemory;
  /** Its number as a reader of the roster cache, which no other live worker has. */
  readonly reader: number;
}

/** How often the event loop gets a turn, at the least: what the runtime has put off is done there. */
const TURN_MS = 100;

/** What the pool runs, once in each worker. */
export function startPoolWorker(): (start: WorkerStart) => Promise<never> {
  const { registry, mainParker, coordinatorParker, rosterCache: rosterCacheMemory } = workerData as PoolWorkerData;
  const context = jobContext(registry, pooledRandom());
  return async ({ channel: memory, reader }) => {
    const channel = new WorkerChannel(memory);
    const rosterCache = rosterCacheMemory && new RosterCacheReader(rosterCacheMemory, reader);
    const main = new Parker(mainParker);
    const worker = new ChannelWorker(channel, main, new Parker(coordinatorParker), rosterCache, context);
    channel.stats.write(readThreadStats());
    // The main thread waits for the first word of each.
    main.unpark();
    for (;;) {
      const turn = performance.now() + TURN_MS;
      while (performance.now() < turn) worker.serve();
      await new Promise((resolve) => setImmediate(resolve));
      channel.stats.write(readThreadStats());
    }
  };
}

/** A question under way: its message, when it was asked, and what opening it took; in milliseconds. */
interface UnderWay extends PendingJob {
  readonly since: number;
  readonly open: number;
}

class ChannelWorker {
  readonly #channel: WorkerChannel;
  readonly #mainParker: Parker;
  readonly #coordinatorParker: Parker;
  readonly #rosterCache: RosterCacheReader | undefined;
  readonly #context: JobContext;
  readonly #underWay = new Array<UnderWay | undefined>(SLOTS_PER_WORKER);
  #asked = false;
  #finished = false;

  constructor(
    channel: WorkerChannel,
    mainParker: Parker,
    coordinatorParker: Parker,
    rosterCache: RosterCacheReader | undefined,
    context: JobContext,
  ) {
    this.#channel = channel;
    this.#mainParker = mainParker;
    this.#coordinatorParker = coordinatorParker;
    this.#rosterCache = rosterCache;
    this.#context = context;
  }

  /** One round: all that is light, then one Hello; or sleep. */
  serve(): void {
    const { answers, messages, hellos, parker } = this.#channel;
    const { epoch } = parker;
    // Those there are now: what comes meanwhile is behind those who wait for what these ask, and behind the Hello.
    for (let left = answers.length; left > 0; left--) this.#conclude(answers.pop()!);
    for (let left = messages.length; left > 0; left--) this.#open(messages.pop()!);
    if (this.#asked) this.#coordinatorParker.unpark();
    if (this.#finished) this.#mainParker.unpark();
    const busy = this.#asked || this.#finished;
    this.#asked = this.#finished = false;
    // Whatever comes meanwhile, so that no flood of messages keeps Hellos waiting for ever.
    const hello = hellos.pop();
    if (hello !== undefined) this.#open(hello);
    else if (!busy) parker.park(epoch, TURN_MS);
  }

  #open(slot: number): void {
    try {
      this.#serveJob(slot);
    } catch (error) {
      this.#fail(slot, error);
    }
  }

  #conclude(slot: number): void {
    try {
      this.#concludeJob(slot);
    } catch (error) {
      this.#fail(slot, error);
    }
  }

  #serveJob(slot: number): void {
    const started = performance.now();
    const job = readJob(this.#channel.jobs[slot]!);
    const served = serveJob(job, this.#context);
    if (served.kind === 'asked') return this.#ask(slot, served, job.origin, started);
    this.#finish(slot, served, { open: performance.now() - started, ask: 0, seal: 0 });
  }

  /** Looks where the coordinator shows what it is asked most, and asks it if it has to. */
  #ask(slot: number, asked: PendingJob, origin: number, started: number): void {
    const { command } = asked.question;
    const since = performance.now();
    const open = since - started;
    const result = this.#rosterCache?.answer(command, (reply) => conclude(asked, reply, this.#context));
    if (result) return this.#finish(slot, result, { open, ask: 0, seal: performance.now() - since });
    this.#underWay[slot] = { ...asked, since, open };
    writeCommand(command, this.#channel.responses[slot]!, origin);
    this.#channel.questions.push(slot);
    this.#asked = true;
  }

  #concludeJob(slot: number): void {
    const started = performance.now();
    const underWay = this.#underWay[slot]!;
    this.#underWay[slot] = undefined;
    const result = conclude(underWay, readReply(this.#channel.responses[slot]!), this.#context);
    const { open, since } = underWay;
    this.#finish(slot, result, { open, ask: started - since, seal: performance.now() - started });
  }

  /** A bug that one message has found costs one connection. */
  #fail(slot: number, error: unknown): void {
    writeFailure(error, this.#channel.responses[slot]!);
    this.#channel.results.push(slot);
    this.#finished = true;
  }

  #finish(slot: number, result: WorkerResult, times: JobTimes): void {
    writeResult(result, times, this.#channel.responses[slot]!);
    this.#channel.results.push(slot);
    this.#finished = true;
  }
}
