// Stages 2 and 5, worker, parallel: the loop of one worker. It pops `messages` and `hellos`, and pushes commands to
// `questions`, or replies to `results` (stage 2). It pops `answers`, and pushes replies to `results` (stage 5). Each
// round serves answers first, then messages, then one Hello, since an RSA operation takes as long as ten other jobs.
import { workerData } from 'node:worker_threads';
import { readReply, writeCommand } from '../coordinator/command-codec.ts';
import { passMark } from '../coordinator/marks.ts';
import { RosterCacheReader } from '../coordinator/roster-cache/reader.ts';
import { SLOTS_PER_WORKER } from '../limits.ts';
import { nameThread } from '../runtime/thread-name.ts';
import { readThreadStats } from '../runtime/thread-stats.ts';
import { Parker } from '../shared-memory/parker.ts';
import { type ChannelMemory, WorkerChannel } from '../shared-memory/worker-channel.ts';
import { type JobTimes, readJob, type WorkerResult, writeFailure, writeResult } from './job.ts';
import { pooledRandom } from './pooled-random.ts';
import { conclude, type JobContext, jobContext, type PendingJob, type RegistryFacts, serveJob } from './serve-job.ts';

/** Data that all workers get at their start. */
export interface PoolWorkerData {
  readonly registry: RegistryFacts;
  /** Memory of the parker of the worker's front end, 4 bytes. */
  readonly mainParker: SharedArrayBuffer;
  /** Memory of the coordinator's parker, 4 bytes. */
  readonly coordinatorParker: SharedArrayBuffer;
  /** Undefined if the coordinator keeps no roster cache. */
  readonly rosterCache: SharedArrayBuffer | undefined;
}

/** Data of one worker. */
export interface WorkerStart {
  readonly channel: ChannelMemory;
  /** Index of the worker's hazard word in the roster cache. No two live workers have the same. */
  readonly reader: number;
}

/** Maximum milliseconds between two turns of the event loop, in which the runtime does deferred work. */
const TURN_MS = 100;

/** Entry point of a worker thread. The returned function serves a channel until the thread ends. */
export function startPoolWorker(): (start: WorkerStart) => Promise<never> {
  const data = workerData as PoolWorkerData;
  const context = jobContext(data.registry, pooledRandom());
  return async (start) => {
    nameThread(`worker-${start.reader}`);
    const { channel, worker } = begin(data, start, context);
    for (;;) {
      const turn = performance.now() + TURN_MS;
      while (performance.now() < turn) {
        const idle = worker.serve();
        if (idle !== undefined) channel.parker.park(idle, TURN_MS);
      }
      await new Promise((resolve) => setImmediate(resolve));
      channel.stats.write(readThreadStats());
    }
  };
}

/** Serves a channel on the calling thread, beside its other work, until `end` aborts. */
export async function serveBesideOthers(data: PoolWorkerData, start: WorkerStart, end: AbortSignal): Promise<void> {
  const { channel, worker } = begin(data, start, jobContext(data.registry, pooledRandom()));
  const alive = setInterval(() => channel.stats.write(readThreadStats()), TURN_MS).unref();
  end.addEventListener('abort', () => channel.parker.unpark(), { once: true });
  while (!end.aborted) {
    const idle = worker.serve();
    if (idle !== undefined) await channel.parker.parkAsync(idle);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  clearInterval(alive);
}

function begin(
  { mainParker, coordinatorParker, rosterCache: rosterCacheMemory }: PoolWorkerData,
  { channel: memory, reader }: WorkerStart,
  context: JobContext,
): { readonly channel: WorkerChannel; readonly worker: ChannelWorker } {
  const channel = new WorkerChannel(memory);
  const rosterCache = rosterCacheMemory && new RosterCacheReader(rosterCacheMemory, reader);
  const main = new Parker(mainParker);
  const worker = new ChannelWorker(channel, main, new Parker(coordinatorParker), rosterCache, context);
  channel.stats.write(readThreadStats());
  // The front end waits for the first stats of each worker.
  main.unpark();
  return { channel, worker };
}

/** A pending job with its times in milliseconds. */
interface TimedPendingJob extends PendingJob {
  /** Time of performance.now() at which the command was sent. */
  readonly since: number;
  /** Duration of stage 2. */
  readonly open: number;
}

/** The result of a mark, which nobody reads. */
const MARK_DONE = { kind: 'incomplete', scan: 0, needed: 0 } as const;
const NO_TIMES: JobTimes = { open: 0, ask: 0, seal: 0 };

class ChannelWorker {
  readonly #channel: WorkerChannel;
  readonly #mainParker: Parker;
  readonly #coordinatorParker: Parker;
  readonly #rosterCache: RosterCacheReader | undefined;
  readonly #context: JobContext;
  /** By slot: the job that waits for the coordinator. */
  readonly #pending = new Array<TimedPendingJob | undefined>(SLOTS_PER_WORKER);
  /** Set if this round pushed commands, and if it pushed results. */
  #pushedQuestions = false;
  #pushedResults = false;

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

  /** One round: the queued answers and messages, then one Hello. Returns the epoch to park at if there was nothing to do. */
  serve(): number | undefined {
    const { answers, messages, hellos, parker } = this.#channel;
    const { epoch } = parker;
    // Drain only what is queued now; later arrivals wait until the coordinator is unparked and the Hello is served.
    for (let left = answers.length; left > 0; left--) this.#conclude(answers.pop()!);
    for (let left = messages.length; left > 0; left--) this.#open(messages.pop()!);
    if (this.#pushedQuestions) this.#coordinatorParker.unpark();
    if (this.#pushedResults) this.#mainParker.unpark();
    const busy = this.#pushedQuestions || this.#pushedResults;
    this.#pushedQuestions = this.#pushedResults = false;
    // One Hello in every round, so that a flood of messages cannot starve Hellos.
    const hello = hellos.pop();
    if (hello !== undefined) this.#open(hello);
    else if (!busy) return epoch;
    return undefined;
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
    if (job.kind === 'mark') return this.#passMark(slot, job.bytes);
    const served = serveJob(job, this.#context);
    if (served.kind === 'pending') return this.#ask(slot, served, job.origin, started);
    this.#finish(slot, served, { open: performance.now() - started, ask: 0, seal: 0 });
  }

  /** Answers from the roster cache if it can. Otherwise pushes the command to the coordinator. */
  #ask(slot: number, pending: PendingJob, origin: number, started: number): void {
    const { command } = pending.question;
    const since = performance.now();
    const open = since - started;
    const result = this.#rosterCache?.answer(command, (reply) => conclude(pending, reply, this.#context));
    if (result) return this.#finish(slot, result, { open, ask: 0, seal: performance.now() - since });
    this.#pending[slot] = { since, open, ...pending };
    writeCommand(command, this.#channel.responses[slot]!, origin);
    this.#channel.questions.push(slot);
    this.#pushedQuestions = true;
  }

  /** Commands of all messages before it have been pushed. */
  #passMark(slot: number, mark: Uint8Array): void {
    passMark(mark, this.#channel.responses[slot]!);
    this.#channel.questions.push(slot);
    this.#pushedQuestions = true;
  }

  #concludeJob(slot: number): void {
    const started = performance.now();
    const pending = this.#pending[slot];
    if (!pending) return this.#finish(slot, MARK_DONE, NO_TIMES);
    this.#pending[slot] = undefined;
    const result = conclude(pending, readReply(this.#channel.responses[slot]!), this.#context);
    const { open, since } = pending;
    this.#finish(slot, result, { open, ask: started - since, seal: performance.now() - started });
  }

  /** Reports an error as the result. A bug that one message triggers ends one connection only. */
  #fail(slot: number, error: unknown): void {
    writeFailure(error, this.#channel.responses[slot]!);
    this.#channel.results.push(slot);
    this.#pushedResults = true;
  }

  #finish(slot: number, result: WorkerResult, times: JobTimes): void {
    writeResult(result, times, this.#channel.responses[slot]!);
    wipeNewKeys(result);
    this.#channel.results.push(slot);
    this.#pushedResults = true;
  }
}

/** Overwrites the keys of a new sealed session, which the slot has by now. */
function wipeNewKeys(result: WorkerResult): void {
  if (result.kind !== 'reply' || result.op !== 0 || result.session?.keys.dialect !== 'sealed') return;
  result.session.keys.receiveKey.fill(0);
  result.session.keys.sendKey.fill(0);
}
