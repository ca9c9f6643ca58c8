// A worker of the pool: serves the jobs of its lane until it is told to stop. What the coordinator has answered comes
// first, then session messages, then one Hello at a time: an RSA operation takes as long as ten of the others.
import { workerData } from 'node:worker_threads';
import { BoardReader } from '../coordinator/cluster-board.ts';
import { packCommand, unpackReply } from '../coordinator/packed-command.ts';
import { Bell } from '../lanes/bell.ts';
import { Lane, type LaneMemory } from '../lanes/lane.ts';
import { SLOTS_PER_WORKER } from '../limits.ts';
import { readThread } from '../thread-readings.ts';
import { type JobTimes, readJob, type WorkerResult, writeFailure, writeResult } from './job.ts';
import { pooledRandom } from './pooled-random.ts';
import { type Asked, conclude, type JobContext, jobContext, type RegistryFacts, serveJob } from './serve-job.ts';

/** What every worker gets at its start. */
export interface PoolWorkerData {
  readonly registry: RegistryFacts;
  /** Of the threads a worker has to do with; 4 bytes each. */
  readonly mainBell: SharedArrayBuffer;
  readonly coordinatorBell: SharedArrayBuffer;
  /** What the coordinator shows; undefined if nothing. */
  readonly board: SharedArrayBuffer | undefined;
}

/** What a worker is started with each time. */
export interface WorkerStart {
  readonly lane: LaneMemory;
  /** Its number as a reader of the board, which no other live worker has. */
  readonly reader: number;
}

/** How often the event loop gets a turn, at the least: what the runtime has put off is done there. */
const TURN_MS = 100;

/** What the pool runs, once in each worker. */
export function startPoolWorker(): (start: WorkerStart) => Promise<never> {
  const { registry, mainBell, coordinatorBell, board: boardMemory } = workerData as PoolWorkerData;
  const context = jobContext(registry, pooledRandom());
  return async ({ lane: memory, reader }) => {
    const lane = new Lane(memory);
    const board = boardMemory && new BoardReader(boardMemory, reader);
    const main = new Bell(mainBell);
    const worker = new LaneWorker(lane, main, new Bell(coordinatorBell), board, context);
    lane.readings.write(readThread());
    // The main thread waits for the first word of each.
    main.ring();
    for (;;) {
      const turn = performance.now() + TURN_MS;
      while (performance.now() < turn) worker.serve();
      await new Promise((resolve) => setImmediate(resolve));
      lane.readings.write(readThread());
    }
  };
}

/** A question under way: its message, when it was asked, and what opening it took; in milliseconds. */
interface UnderWay extends Asked {
  readonly since: number;
  readonly open: number;
}

class LaneWorker {
  readonly #lane: Lane;
  readonly #mainBell: Bell;
  readonly #coordinatorBell: Bell;
  readonly #board: BoardReader | undefined;
  readonly #context: JobContext;
  readonly #underWay = new Array<UnderWay | undefined>(SLOTS_PER_WORKER);
  #asked = false;
  #finished = false;

  constructor(lane: Lane, mainBell: Bell, coordinatorBell: Bell, board: BoardReader | undefined, context: JobContext) {
    this.#lane = lane;
    this.#mainBell = mainBell;
    this.#coordinatorBell = coordinatorBell;
    this.#board = board;
    this.#context = context;
  }

  /** One round: all that is light, then one Hello; or sleep. */
  serve(): void {
    const { answers, messages, hellos, bell } = this.#lane;
    const { rings } = bell;
    // Those there are now: what comes meanwhile is behind those who wait for what these ask, and behind the Hello.
    for (let left = answers.length; left > 0; left--) this.#conclude(answers.take()!);
    for (let left = messages.length; left > 0; left--) this.#open(messages.take()!);
    if (this.#asked) this.#coordinatorBell.ring();
    if (this.#finished) this.#mainBell.ring();
    const busy = this.#asked || this.#finished;
    this.#asked = this.#finished = false;
    // Whatever comes meanwhile, so that no flood of messages keeps Hellos waiting for ever.
    const hello = hellos.take();
    if (hello !== undefined) this.#open(hello);
    else if (!busy) bell.wait(rings, TURN_MS);
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
    const job = readJob(this.#lane.jobs[slot]!);
    const served = serveJob(job, this.#context);
    if (served.kind === 'asked') return this.#ask(slot, served, job.origin, started);
    this.#finish(slot, served, { open: performance.now() - started, ask: 0, seal: 0 });
  }

  /** Looks where the coordinator shows what it is asked most, and asks it if it has to. */
  #ask(slot: number, asked: Asked, origin: number, started: number): void {
    const { command } = asked.question;
    const since = performance.now();
    const open = since - started;
    const result = this.#board?.answer(command, (reply) => conclude(asked, reply, this.#context));
    if (result) return this.#finish(slot, result, { open, ask: 0, seal: performance.now() - since });
    this.#underWay[slot] = { ...asked, since, open };
    packCommand(command, this.#lane.talks[slot]!, origin);
    this.#lane.questions.put(slot);
    this.#asked = true;
  }

  #concludeJob(slot: number): void {
    const started = performance.now();
    const underWay = this.#underWay[slot]!;
    this.#underWay[slot] = undefined;
    const result = conclude(underWay, unpackReply(this.#lane.talks[slot]!), this.#context);
    const { open, since } = underWay;
    this.#finish(slot, result, { open, ask: started - since, seal: performance.now() - started });
  }

  /** A bug that one message has found costs one connection. */
  #fail(slot: number, error: unknown): void {
    writeFailure(error, this.#lane.talks[slot]!);
    this.#lane.results.put(slot);
    this.#finished = true;
  }

  #finish(slot: number, result: WorkerResult, times: JobTimes): void {
    writeResult(result, times, this.#lane.talks[slot]!);
    this.#lane.results.put(slot);
    this.#finished = true;
  }
}
