// The numbers of one front end, in memory that it shares with the main thread. A scrape reads them without waking the
// front end. The front end counts events as they happen, and records its state ten times a second.
import { LOOP_DELAY_SECONDS } from '../runtime/loop-delay.ts';
import type { HistogramBuckets } from '../shared-memory/histogram-buckets.ts';
import { CounterAllocator, type SharedCounter } from '../shared-memory/shared-counter.ts';
import type { SharedThreadStats } from '../shared-memory/shared-thread-stats.ts';
import { PoolCounters } from './pool-counters.ts';
import type { QueueLengths } from './pool-metrics.ts';
import { SessionCounters } from './session-counters.ts';
import { WAIT_ENDS, type WaitCounts } from './wait-metrics.ts';

/** Enough for the counters below; their allocator throws otherwise. */
const BYTES = 16_384;

/** The state of a front end. */
export interface FrontState {
  readonly queueLengths: QueueLengths;
  readonly waits: WaitCounts;
  /** Milliseconds since the last stats of its longest silent worker. */
  readonly silentMs: number;
}

export function newFrontStatsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(BYTES);
}

export class FrontStats {
  readonly sessions: SessionCounters;
  readonly pool: PoolCounters;
  readonly thread: SharedThreadStats;
  readonly loopDelay: HistogramBuckets;
  readonly #queues: Readonly<Record<keyof QueueLengths, SharedCounter>>;
  readonly #parked: SharedCounter;
  readonly #woken: SharedCounter;
  readonly #ended: readonly SharedCounter[];
  readonly #silentMs: SharedCounter;
  /** The waits that a thread before this one has counted. */
  #before: WaitCounts | undefined;

  constructor(memory: SharedArrayBuffer) {
    const counters = new CounterAllocator(memory);
    this.sessions = new SessionCounters(counters);
    this.pool = new PoolCounters(counters);
    this.thread = counters.threadStats();
    this.loopDelay = counters.histogram(LOOP_DELAY_SECONDS);
    this.#queues = { hello: counters.counter(), message: counters.counter(), resume: counters.counter() };
    [this.#parked, this.#woken, this.#silentMs] = [counters.counter(), counters.counter(), counters.counter()];
    this.#ended = WAIT_ENDS.map(() => counters.counter());
  }

  /** Records the state. Its waits are those of this thread; counts of a thread that it has replaced are added. */
  record({ queueLengths, waits, silentMs }: FrontState): void {
    this.#before ??= this.state.waits;
    const { woken, ended } = this.#before;
    for (const kind of ['hello', 'message', 'resume'] as const) this.#queues[kind].value = queueLengths[kind];
    this.#parked.value = waits.parked;
    this.#woken.value = woken + waits.woken;
    for (const [place, end] of WAIT_ENDS.entries()) this.#ended[place]!.value = ended[end] + waits.ended[end];
    this.#silentMs.value = silentMs;
  }

  /** Ends what a front end that runs no more had open. Its counts stay, for its replacement to go on from. */
  ended(): void {
    this.sessions.failed();
    for (const counter of [...Object.values(this.#queues), this.#silentMs]) counter.value = 0;
    this.#ended[WAIT_ENDS.indexOf('closed')]!.value += this.#parked.value;
    this.#parked.value = 0;
  }

  /** The last recorded state. */
  get state(): FrontState {
    const { hello, message, resume } = this.#queues;
    const ended = WAIT_ENDS.map((end, place) => [end, this.#ended[place]!.value] as const);
    return {
      queueLengths: { hello: hello.value, message: message.value, resume: resume.value },
      waits: {
        parked: this.#parked.value,
        woken: this.#woken.value,
        ended: Object.fromEntries(ended) as WaitCounts['ended'],
      },
      silentMs: this.#silentMs.value,
    };
  }
}
