// The only owner of the cluster table and the only writer of its store. Requests that have come in are one batch: applied
// in memory, committed at once, and only then answered. While a commit is under way no command is applied, so nobody is
// ever shown what may still be lost. Where other servers write the same store, the table is brought up to date before a
// batch is applied: nobody is answered from less than what anybody had been told before he asked.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BATCH_COMMANDS_MAX, SHARED_STORE_ANSWER_MS } from '../limits.ts';
import type { ClusterTable } from '../registry/cluster-table.ts';
import type { Command, OperatorCommand, Reply } from '../registry/command.ts';
import type { Store } from '../store/store.ts';
import { Charges } from './charges.ts';
import { BatchCommitter, type BatchItem, CANNOT_STORE, type Clock } from './commit-batch.ts';
import type { CoordinatorObserver } from './coordinator-observer.ts';
import type { RosterCache } from './roster-cache/writer.ts';

interface Request {
  readonly commands: readonly (Command | OperatorCommand)[];
  /** Of each command, whose growth budget pays for what it adds; nobody's where it is undefined. */
  readonly origins: readonly (number | undefined)[];
  readonly askedAt: number;
  readonly resolve: (replies: Reply[]) => void;
}

/** Of the time in which a client is answered, what a sweep of a shared table needs to be worth beginning. */
const SWEEP_SHARED_MS = 500;

/** The coordinator takes nothing in any more. */
export class CoordinatorClosingError extends Error {
  override readonly name = 'CoordinatorClosingError';
}

export class Coordinator {
  readonly #table: ClusterTable;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #batches: BatchCommitter;
  /** Bounded by the workers: each has a few requests under way, each of one batch of frames. */
  #waiting: Request[] = [];
  /** Bounded by whoever looks. */
  #looks: (() => void)[] = [];
  /** Resolves when the work under way is done; undefined if there is none. */
  #working: Promise<void> | undefined;
  #sweepDue = false;
  /** Resolves when the store is closed; undefined before close(). */
  #closing: Promise<void> | undefined;

  /**
   * Of a table that nobody else writes, workers may be shown what they ask for most. Without `charges`, nothing that is added
   * has to be paid for.
   */
  constructor(
    table: ClusterTable,
    store: Store,
    observer: CoordinatorObserver,
    clock: Clock,
    rosterCache?: RosterCache,
    charges = new Charges(),
  ) {
    this.#table = table;
    this.#store = store;
    this.#clock = clock;
    this.#batches = new BatchCommitter({ table, store, observer, clock, rosterCache, charges });
  }

  /** Fills the table from the store. */
  async load(): Promise<void> {
    for await (const records of this.#store.load()) for (const record of records) this.#table.replay(record);
  }

  /**
   * To be called every second or so: forgets some of what has expired, and finds out whether a store that was full has
   * room again, even if nobody asks for anything.
   */
  sweep(): void {
    if (this.#closing) return;
    this.#sweepDue = true;
    this.#working ??= this.#work();
  }

  /**
   * Replies to commands, in their order, each after what it changed is stored. Refuses all of them after close(). The caller
   * keeps to BATCH_COMMANDS_MAX: the commands of one call are committed together. `origins` says of each command whose growth
   * budget pays for what it adds (R4); without it nobody pays.
   */
  ask(commands: readonly (Command | OperatorCommand)[], origins: readonly number[] = []): Promise<Reply[]> {
    if (this.#closing) return Promise.resolve(commands.map(() => CANNOT_STORE));
    return new Promise((resolve) => {
      this.#waiting.push({ commands, origins, askedAt: this.#clock(), resolve });
      this.#working ??= this.#work();
    });
  }

  /**
   * What `read`, which has to be short, finds in the table when nothing in it waits to be stored. Looks are one in a turn of
   * the event loop. Rejects with CoordinatorClosingError after close().
   */
  look<T>(read: (table: ClusterTable) => T): Promise<T> {
    if (this.#closing) return Promise.reject(new CoordinatorClosingError('the coordinator is closing'));
    return new Promise((resolve) => {
      this.#looks.push(() => resolve(read(this.#table)));
      this.#working ??= this.#work();
    });
  }

  /** Resolves when nothing is under way; more may be by then, unless it closes. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /** Whether work is under way, which may wait for a turn of the event loop. */
  get isBusy(): boolean {
    return this.#working !== undefined;
  }

  /** Whether close() has been called. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Refuses what comes from now on, finishes what has come, then closes the store. Rejects as the store's close. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.settled();
    await this.#store.close();
  }

  async #work(): Promise<void> {
    // What else is asked in the same breath joins the first batch.
    await undefined;
    while (this.#waiting.length > 0 || this.#sweepDue || this.#looks.length > 0) {
      // What comes while the table is brought up to date may rest on more than that.
      const requests = this.#takeRequests();
      const until = (requests[0]?.askedAt ?? this.#clock()) + SHARED_STORE_ANSWER_MS;
      const look = this.#looks.shift();
      await this.#batches.catchUp(until);
      look?.();
      const batch = requests.map((request) =>
        request.commands.map((command, i): BatchItem => {
          return { command, reply: CANNOT_STORE, origin: request.origins[i] ?? 0, paid: undefined };
        }),
      );
      await this.#batches.serve(batch.flat(), until);
      for (const [i, request] of requests.entries()) request.resolve(batch[i]!.map((item) => item.reply));
      // Who has come meanwhile waits for the sweep, too.
      if (this.#sweepDue && this.#batches.left(until) >= SWEEP_SHARED_MS) {
        this.#sweepDue = false;
        await this.#batches.sweep(until);
      }
      // A store in memory or on this machine answers in microtasks: without a turn, looks in a row would starve the channels.
      if (look) await nextTurn();
    }
    this.#working = undefined;
  }

  /** Those that have waited longest. */
  #takeRequests(): readonly Request[] {
    let commands = 0;
    const end = this.#waiting.findIndex((request) => {
      commands += request.commands.length;
      return commands > BATCH_COMMANDS_MAX;
    });
    // One by itself is a batch, however long.
    const count = end < 0 ? this.#waiting.length : Math.max(1, end);
    const requests = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return requests;
  }
}
